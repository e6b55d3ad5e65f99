import { exitCodes, ZakenakError } from '@zakenak/core';
import { guardProcess, showFailure } from './last-resort.ts';
import { runVerb } from './run-verb.ts';
import { loadAction } from './verbs.ts';

/** An action's main: reads the runner's environment, runs the verb, sets outputs and the exit code. */
export async function runAction(name: string): Promise<void> {
  const env = process.env;
  const voice = { tool: name, json: false };
  guardProcess(voice);
  try {
    const verb = await loadAction(name);
    if (!verb) throw unknownAction(name);
    await trustWorkspace(env);
    process.exitCode = await runVerb({
      verb,
      env,
      cwd: process.cwd(),
      json: false,
      quiet: false,
      read: (input) => env[`INPUT_${input.replaceAll(' ', '_').toUpperCase()}`],
    });
  } catch (thrown) {
    process.exitCode = showFailure(thrown, voice);
  }
}

/** On a self-hosted runner or in a container the checkout may belong to another user, and git refuses it: the workspace alone is trusted, for this run. */
async function trustWorkspace(env: NodeJS.ProcessEnv): Promise<void> {
  const workspace = env.GITHUB_WORKSPACE;
  if (!workspace || env.GIT_CONFIG_COUNT) return;
  const { getExecOutput } = await import('@actions/exec');
  const probe = await getExecOutput('git', ['-C', workspace, 'rev-parse', '--git-dir'], {
    silent: true,
    ignoreReturnCode: true,
  }).catch(() => undefined);
  if (probe?.exitCode === 0 || !probe?.stderr.includes('dubious ownership')) return;
  Object.assign(env, {
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'safe.directory',
    GIT_CONFIG_VALUE_0: workspace,
  });
}

function unknownAction(name: string): ZakenakError {
  return new ZakenakError({
    code: 'usage/unknown-action',
    message: `There is no action '${name}'.`,
    remedy: 'Use an action of the actions folder.',
    exitCode: exitCodes.bug,
  });
}
