/** One find of gitleaks. Holds the secret: never leaves this package. */
export interface Leak {
  /** gitleaks' rule id. */
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
