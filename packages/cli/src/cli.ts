import { namesOf, parseInputs } from '@zakenak/core';
import { parseArguments, takeWords, unknownFlag, unknownVerb } from './arguments.ts';
import { asksForDetail } from './exit-code.ts';
import { renderHelp, renderOverview } from './help.ts';
import { guardProcess, showFailure } from './last-resort.ts';
import { runVerb, withPublicationInputs } from './run-verb.ts';
import { asksForJson, leadingFlagsLast, shellFlags } from './shell-flags.ts';
import { loadVerb, verbNames, verbs } from './verbs.ts';
import { version } from './version.ts';

const shellSpec = { name: 'zakenak', verb: 'zakenak', summary: '', inputs: shellFlags, outputs: {} };

/** The `zakenak` command. Sets the process's exit code; ends the process itself only after an error that nobody caught. */
export async function runCli(argv: readonly string[]): Promise<void> {
  const voice = { tool: 'zakenak', json: asksForJson(argv), detailed: asksForDetail(argv) };
  guardProcess(voice);
  try {
    process.exitCode = await main(argv);
  } catch (thrown) {
    process.exitCode = showFailure(thrown, voice);
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const [name = '--help', ...rest] = leadingFlagsLast(argv);
  if (name === '--version' || name === '-v') return print(`${version}\n`);
  if (name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) return overview();
  if (name === 'help') return main([...rest, '--help']);
  if (name.startsWith('-')) throw unknownFlag(undefined, name, ['version', ...Object.keys(shellFlags)]);
  const verb = await loadVerb(name);
  if (!verb) throw unknownVerb(name, verbNames);
  const spec = withPublicationInputs(verb.spec);
  if (rest.includes('--help') || rest.includes('-h')) return print(renderHelp(verb.spec, spec, shellFlags));
  const parsed = parseArguments(name, namesOf({ ...spec.inputs, ...shellFlags }), rest);
  const inputs = takeWords(name, verb.spec.inputs, parsed);
  const { json, quiet, directory } = parseInputs(shellSpec, (flag) => inputs.get(flag));
  const { env } = process;
  return runVerb({
    verb,
    env,
    cwd: process.cwd(),
    ...(directory ? { directory } : {}),
    json,
    quiet,
    read: (input) => inputs.get(input) ?? readVariable(input, env),
  });
}

async function overview(): Promise<number> {
  const all = await verbs();
  return print(
    renderOverview(
      all.map(({ spec }) => spec),
      version,
    ),
  );
}

/** On a CI host inputs come as variables too (GitLab's components set them); a flag wins. */
function readVariable(input: string, env: NodeJS.ProcessEnv): string | undefined {
  if (!env.CI && env.TF_BUILD !== 'True') return undefined;
  return env[`ZAKENAK_INPUT_${input.replaceAll('-', '_').toUpperCase()}`];
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
