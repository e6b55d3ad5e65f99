import { join } from 'node:path';
import type { Ports } from '@zakenak/core';
import { noBuilder } from '../errors.ts';
import { answersBuildctl } from './buildctl.ts';
import type { BuilderContext } from './run.ts';

const startLimitMs = 30_000;

/** A buildkitd of this run alone. */
export interface PrivateBuildkitd extends AsyncDisposable {
  /** For `buildctl --addr`. */
  readonly address: string;
}

/**
 * Starts buildkitd in a temporary folder and waits until it answers. RUN steps need root and runc and share the host's network. Disposing ends the
 * daemon with everything it started and removes the folder. Throws `image/no-builder` when it cannot start, `tool/missing` without the program.
 */
export async function startBuildkitd(
  context: BuilderContext & Pick<Ports, 'clock'>,
  signal?: AbortSignal,
): Promise<PrivateBuildkitd> {
  // Looked for first: without it buildkitd only says that it has no worker.
  await context.process.run({ program: 'runc', args: ['--version'], env: context.env }, signal);
  const folder = await context.files.temporaryFolder('buildkitd');
  const stop = new AbortController();
  const address = `unix://${join(folder.path, 'buildkitd.sock')}`;
  const last: string[] = [];
  const args = await daemonArgs(folder.path, address, context);
  const onLine = (line: string) => {
    last.push(line);
    if (last.length > 20) last.shift();
    context.log.debug(`buildkitd: ${line}`);
  };
  const end: { error?: unknown; over: boolean } = { over: false };
  const daemon = context.process
    .run({ program: 'buildkitd', args, env: context.env, onLine }, stop.signal)
    .catch((error: unknown) => {
      end.error = error;
    })
    .finally(() => {
      end.over = true;
    });
  const dispose = async () => {
    stop.abort();
    await daemon;
    await folder[Symbol.asyncDispose]();
  };
  try {
    await waitUntilReady(context, address, end, last, signal);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { address, [Symbol.asyncDispose]: dispose };
}

async function daemonArgs(
  folder: string,
  address: string,
  context: BuilderContext,
): Promise<readonly string[]> {
  // Without a file of its own buildkitd would read the machine's /etc/buildkit/buildkitd.toml.
  const config = join(folder, 'buildkitd.toml');
  await context.files.write(config, '[cdi]\n  disabled = true\n');
  return [
    ...['--config', config, '--root', join(folder, 'root'), '--addr', address],
    ...['--oci-worker', 'true', '--containerd-worker', 'false', '--oci-worker-net', 'host'],
  ];
}

async function waitUntilReady(
  context: BuilderContext & Pick<Ports, 'clock'>,
  address: string,
  end: { readonly error?: unknown; readonly over: boolean },
  last: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const started = context.clock.monotonicMs();
  while (!end.over && context.clock.monotonicMs() - started < startLimitMs) {
    if (await answersBuildctl(context, address, signal)) return;
    await context.clock.sleep(100, signal);
  }
  if (end.error !== undefined) throw end.error;
  throw noBuilder([`buildkitd ${end.over ? 'ended' : 'did not answer'}: ${last.at(-1) ?? 'no output'}`]);
}
