import { execFile } from 'node:child_process';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { createHttp, createProcessRunner } from '@zakenak/machine';
import { createToolchain } from '@zakenak/toolchain';
import { renderEnd, writePages } from './closing.ts';
import { demoEnvironment } from './environment.ts';
import { type DemoRepository, makeRepository } from './repository.ts';
import { createScreen, type Screen } from './screen.ts';
import * as story from './story.ts';
import { createZakenak, DemoStopped, type Zakenak } from './zakenak.ts';

/** What surrounds the demo. */
export interface Surroundings {
  /** Absolute path of this repository. */
  readonly root: string;
  /** Absolute path of the demo's own folder. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly colour: boolean;
  readonly write: (text: string) => void;
  /** Aborted with the exit code that the demo is to end with. */
  readonly signal: AbortSignal;
}

/** Plays the story from the first commit to the rollback; returns the exit code. The sandbox is gone when it ends, however it ends. */
export async function runDemo(around: Surroundings): Promise<number> {
  const started = performance.now();
  const screen = createScreen(around.write, around.colour, () => performance.now());
  const env = {
    ...demoEnvironment(around.env),
    ...(around.colour ? { FORCE_COLOR: '1' } : { FORCE_COLOR: undefined, NO_COLOR: '1' }),
    KUBECONFIG: join(around.folder, 'sandbox', 'kubeconfig'),
  };
  const zakenak = createZakenak(screen, env, around.root, around.signal);
  try {
    const image = await withSandbox(around, screen, zakenak, (registry) =>
      play(around, screen, env, zakenak, registry),
    );
    const pages = writePages(around.folder, screen.chapters, image);
    const where = pages.map((path) => nameFrom(around.root, path));
    around.write(renderEnd(screen.chapters, image, where, performance.now() - started));
    return 0;
  } catch (error) {
    if (around.signal.aborted) {
      around.write('\nStopped. The sandbox is gone, and every process of it.\n');
      return Number(around.signal.reason);
    }
    if (!(error instanceof DemoStopped)) throw error;
    around.write(`\nThe demo stopped: ${error.message}\n`);
    return error.exitCode;
  }
}

function sandboxOf({ root, folder }: Surroundings): string {
  return nameFrom(root, join(folder, 'sandbox'));
}

/** A path as a user in `root` would write it. */
function nameFrom(root: string, path: string): string {
  const name = relative(root, path);
  return name.startsWith('..') ? path : name;
}

/** Runs the body beside a sandbox of its own, which ends with it: at the latest with this process. */
async function withSandbox<T>(
  around: Surroundings,
  screen: Screen,
  zakenak: Zakenak,
  body: (registry: string) => Promise<T>,
): Promise<T> {
  const folder = ['--folder', sandboxOf(around)];
  // One that another demo owns is refused here, and not ended below.
  const { report } = await screen.chapter('A cluster with simulated GPUs, and a registry', () =>
    zakenak(['sandbox', 'up', ...folder, '--owner-pid', String(process.pid)]),
  );
  try {
    return await body(String(report.outputs.registry));
  } finally {
    await screen.chapter('The sandbox ends', () => zakenak(['sandbox', 'down', ...folder], { always: true }));
  }
}

async function play(
  around: Surroundings,
  screen: Screen,
  env: Readonly<Record<string, string | undefined>>,
  zakenak: Zakenak,
  registry: string,
): Promise<story.Image> {
  const scene = { screen, zakenak, folder: around.folder, helm: helmOf(env) };
  const setting = await screen.chapter('A repository, and main deployed as the baseline', async () => {
    const repository = prepareRepository(around, env, registry);
    screen.say(`${nameFrom(around.root, repository.folder)} is examples/platform with signed commits.`);
    await story.deployBaseline({ ...scene, repository });
    return { ...scene, repository };
  });
  await screen.chapter('A feature branch and its review', () => story.reviewFeature(setting));
  await screen.chapter('A bad branch is stopped', () => story.stopBadBranch(setting));
  const image = await screen.chapter('Merge, build and push by digest', () => story.mergeAndBuild(setting));
  await screen.chapter('Deploy and prove', () => story.deployAndProve(setting, image));
  await screen.chapter('A release that never becomes ready', () => story.rollBackTheSet(setting, image));
  await screen.chapter('Where things stand', () => story.showStatus(setting));
  return image;
}

function prepareRepository(
  { root, folder }: Surroundings,
  env: Readonly<Record<string, string | undefined>>,
  registry: string,
): DemoRepository {
  const repository = makeRepository(join(folder, 'repository'), join(root, 'examples/platform'), { ...env });
  repository.edit('zakenak.yaml', 'registry: ghcr.io/acme', `registry: ${registry}/acme`);
  // A scan needs a database of vulnerabilities from the internet; the demo's image holds one stylesheet.
  repository.edit('zakenak.yaml', 'images: { failOn: high }', 'images: { scanner: "off" }');
  repository.commit('chore: push images to the sandbox’s registry');
  repository.git('push', '-q', 'origin', 'main');
  return repository;
}

function helmOf(env: Readonly<Record<string, string | undefined>>): story.Scene['helm'] {
  const options = {
    process: createProcessRunner({ ...env }),
    env,
    http: createHttp(),
    progress: { emit: () => {} },
  };
  const tools = createToolchain(options);
  return async (...args) => {
    const program = await tools.resolve('helm');
    return (await promisify(execFile)(program, args, { env: { ...env }, encoding: 'utf8' })).stdout;
  };
}
