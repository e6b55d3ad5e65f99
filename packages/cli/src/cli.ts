import { resolve } from 'node:path';
import { asZakenakError, createErrorReport, exitCodeOf, renderJson, renderTerminal } from '@zakenak/core';
import { parseArguments, unknownVerb } from './arguments.ts';
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
  const [name = '--help', ...rest] = argv;
  if (name === '--version') return print(`${version}\n`);
  if (name === '--help' || name === 'help' || name === '-h')
    return print(
      renderOverview(
        (await verbs()).map(({ spec }) => spec),
        version,
      ),
    );
  const verb = await loadVerb(name);
  if (!verb) throw unknownVerb(name, verbNames);
  const spec = withPublicationInputs(verb.spec);
  if (rest.includes('--help') || rest.includes('-h')) return print(renderHelp(spec));
  const { inputs, words } = parseArguments(name, { ...spec.inputs, ...shellFlags }, rest);
  const flag = (key: string) => inputs.get(key) === 'true';
  return runVerb({
    verb,
    env: process.env,
    cwd: resolve(inputs.get('directory') ?? '.'),
    json: flag('json'),
    quiet: flag('quiet'),
    // Words reach a verb as its first input: `zakenak sandbox up`, `zakenak lint helm-charts/ollama`.
    read: (input) =>
      inputs.get(input) ??
      (words.length > 0 && input === Object.keys(spec.inputs)[0] ? words.join('\n') : undefined),
  });
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
