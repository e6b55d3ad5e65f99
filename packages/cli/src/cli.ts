import { resolve } from 'node:path';
import { asZakenakError, createErrorReport, exitCodeOf, renderJson, renderTerminal } from '@zakenak/core';
import { parseArguments, takeWords, unknownVerb } from './arguments.ts';
import { renderHelp, renderOverview } from './help.ts';
import { runVerb, withPublicationInputs } from './run-verb.ts';
import { loadVerb, verbNames, verbs } from './verbs.ts';
import { version } from './version.ts';

/** Flags that belong to the shell, not to a verb. */
const shellFlags = {
  json: { type: 'boolean', description: 'Print the report as JSON' },
  quiet: { type: 'boolean', description: 'Print no progress' },
  directory: { type: 'string', description: 'Work in this folder' },
  help: { type: 'boolean', description: 'Show this help' },
} as const;

/** The `zakenak` command. Sets the process's exit code; never ends the process itself. */
export async function runCli(argv: readonly string[]): Promise<void> {
  try {
    process.exitCode = await main(argv);
  } catch (thrown) {
    const report = createErrorReport('zakenak', asZakenakError(thrown));
    if (argv.includes('--json')) process.stdout.write(renderJson(report));
    else process.stderr.write(renderTerminal(report, { colour: process.stderr.isTTY }));
    process.exitCode = exitCodeOf(report);
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const [name = '--help', ...rest] = leadingFlagsLast(argv);
  if (name === '--version' || name === '-v') return print(`${version}\n`);
  if (name === '--help' || name === '-h' || (name === 'help' && rest.length === 0))
    return print(
      renderOverview(
        (await verbs()).map(({ spec }) => spec),
        version,
      ),
    );
  if (name === 'help') return main([...rest, '--help']);
  const verb = await loadVerb(name);
  if (!verb) throw unknownVerb(name, verbNames);
  const spec = withPublicationInputs(verb.spec);
  if (rest.includes('--help') || rest.includes('-h')) return print(renderHelp(spec));
  const parsed = parseArguments(name, { ...spec.inputs, ...shellFlags }, rest);
  const inputs = takeWords(name, spec.inputs, parsed);
  const flag = (key: string) => inputs.get(key) === 'true';
  const { env } = process;
  return runVerb({
    verb,
    env,
    cwd: resolve(inputs.get('directory') ?? '.'),
    json: flag('json'),
    quiet: flag('quiet'),
    read: (input) => inputs.get(input) ?? readVariable(input, env),
  });
}

/** `zakenak --json lint` is `zakenak lint --json`. */
function leadingFlagsLast(argv: readonly string[]): readonly string[] {
  const first = argv.findIndex((word) => word !== '--json' && word !== '--quiet');
  return first < 0 ? [] : [...argv.slice(first), ...argv.slice(0, first)];
}

/** On a CI host inputs come as variables too (GitLab's components set them); a flag wins. */
function readVariable(input: string, env: NodeJS.ProcessEnv): string | undefined {
  if (!env.CI) return undefined;
  return env[`ZAKENAK_INPUT_${input.replaceAll('-', '_').toUpperCase()}`];
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
