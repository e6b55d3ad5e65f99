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
 * Starts buildkitd in a temporary folder and waits until it answers. RUN steps need root and runc and share the host's network; another user gets a
 * daemon in a user namespace, which copies and labels. Disposing ends the daemon with everything it started and removes the folder. Throws
 * `image/no-builder` when it cannot start, `tool/missing` without the program.
 */
export async function startBuildkitd(
  context: BuilderContext & Pick<Ports, 'clock'>,
  signal?: AbortSignal,
): Promise<PrivateBuildkitd> {
  const isRoot = process.getuid?.() === 0;
  // Looked for first: without it buildkitd only says that it has no worker.
  const runc = context.process.run({ program: 'runc', args: ['--version'], env: context.env }, signal);
  const hasRunc = await runc.then(
    () => true,
    (error: unknown) => {
      if (isRoot || (error as { code?: string }).code !== 'tool/missing') throw error;
      return false;
    },
  );
  const folder = await context.files.temporaryFolder('buildkitd');
  const stop = new AbortController();
  const address = `unix://${join(folder.path, 'buildkitd.sock')}`;
  const last: string[] = [];
  const args = [
    ...(await daemonArgs(folder.path, address, context)),
    ...(isRoot ? [] : rootlessArgs(folder.path, hasRunc)),
  ];
  const onLine = (line: string) => {
    last.push(line);
    if (last.length > 20) last.shift();
    context.log.debug(`buildkitd: ${line}`);
  };
  const end: { error?: unknown; over: boolean } = { over: false };
  const daemon = context.process
    .run(
      { program: 'buildkitd', args, env: context.env, onLine, ...(isRoot ? {} : { within: asRootOfItsOwn }) },
      stop.signal,
    )
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

const asRootOfItsOwn = ['unshare', '--user', '--map-root-user', '--mount'];

/** The namespace has one user id and no rights over the host's mounts: snapshots are plain folders. */
function rootlessArgs(folder: string, hasRunc: boolean): readonly string[] {
  return [
    ...['--rootless', '--otel-socket-path', join(folder, 'otel.sock')],
    ...['--oci-worker-snapshotter', 'native', '--oci-worker-no-process-sandbox'],
    // A worker asks for its runtime at start, also where no step will run one.
    ...(hasRunc ? [] : ['--oci-worker-binary', process.execPath]),
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
