/** One find. Holds the secret: never leaves this package. */
export interface Leak {
  /** Whose rule it is; gitleaks' where nothing is said. */
  readonly tool?: 'zakenak';
  /** The rule's id. */
  readonly rule: string;
  readonly description: string;
  /** Relative to the repository's root. */
  readonly path: string;
  /** Lines in the file as the commit has it, from 1. */
  readonly startLine: number;
  readonly endLine: number;
  readonly commit: string;
  readonly secret: string;
}
