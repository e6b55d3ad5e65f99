import type { InputSpec } from '@zakenak/core';

/** Flags that belong to the shell, not to a verb. */
export const shellFlags = {
  json: { type: 'boolean', description: 'Print the report as JSON, and nothing else on stdout' },
  quiet: { type: 'boolean', description: 'Print no progress' },
  directory: {
    type: 'string',
    description: 'Work in this folder; the CI host’s checkout or the current one where nothing is said',
  },
  help: { type: 'boolean', description: 'Show this help' },
} as const satisfies Record<string, InputSpec>;

/** `zakenak --json --directory DIR lint` is `zakenak lint --json --directory DIR`. */
export function leadingFlagsLast(argv: readonly string[]): readonly string[] {
  const leading: string[] = [];
  const rest = [...argv];
  for (let word = rest[0]; word !== undefined && isShellFlag(word); word = rest[0]) {
    leading.push(...rest.splice(0, word === '--directory' ? 2 : 1));
  }
  return rest.length > 0 ? [...rest, ...leading] : [];
}

function isShellFlag(word: string): boolean {
  const [, name = ''] = /^--([^=]+)/.exec(word) ?? [];
  // --help alone is the overview.
  return name !== 'help' && Object.hasOwn(shellFlags, name);
}

/** Whether JSON was asked for, also where the rest of the command line cannot be read. */
export function asksForJson(argv: readonly string[]): boolean {
  return argv.some((word) => word === '--json' || /^--json=(true|yes|on|1)$/i.test(word));
}
