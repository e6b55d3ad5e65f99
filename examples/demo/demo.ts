import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { createHttp, createProcessRunner } from '@zakenak/machine';
import { createToolchain } from '@zakenak/toolchain';
import { demoEnvironment } from './environment.ts';
import { renderHtmlPage, renderMarkdownPage } from './report-page.ts';
import { makeRepository } from './repository.ts';
import { createScreen, type Screen, seconds } from './screen.ts';
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
    ...(around.colour ? { FORCE_COLOR: '1' } : {}),
    KUBECONFIG: join(around.folder, 'sandbox', 'kubeconfig'),
  };
  const zakenak = createZakenak(screen, env, around.signal);
  try {
    const image = await play(around, screen, env, zakenak).finally(() =>
      screen.chapter('The sandbox ends', () =>
        zakenak(['sandbox', 'down', '--folder', join(around.folder, 'sandbox')], { always: true }),
      ),
    );
    close(around, screen, image, performance.now() - started);
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

async function play(
  around: Surroundings,
  screen: Screen,
  env: Readonly<Record<string, string | undefined>>,
  zakenak: Zakenak,
): Promise<story.Image> {
  const scene = await screen.chapter('A cluster, a registry, a repository', () =>
    setUp(around, screen, env, zakenak),
  );
  await screen.chapter('The baseline: main is deployed', () => story.deployBaseline(scene));
  await screen.chapter('A feature branch and its review', () => story.reviewFeature(scene));
  await screen.chapter('A bad branch is stopped', () => story.stopBadBranch(scene));
  const image = await screen.chapter('Merge, build and push by digest', () => story.mergeAndBuild(scene));
  await screen.chapter('Deploy and prove', () => story.deployAndProve(scene, image));
  await screen.chapter('A release that never becomes ready', () => story.rollBackTheSet(scene, image));
  await screen.chapter('Where things stand', () => story.showStatus(scene));
  return image;
}

async function setUp(
  { root, folder }: Surroundings,
  screen: Screen,
  env: Readonly<Record<string, string | undefined>>,
  zakenak: Zakenak,
): Promise<story.Scene> {
  const { report } = await zakenak([
    ...['sandbox', 'up', '--folder', join(folder, 'sandbox')],
    ...['--owner-pid', String(process.pid)],
  ]);
  const repository = makeRepository(join(folder, 'repository'), join(root, 'examples/platform'), { ...env });
  repository.edit('zakenak.yaml', 'registry: ghcr.io/acme', `registry: ${report.outputs.registry}/acme`);
  // A scan needs a database of vulnerabilities from the internet; the demo's image holds one stylesheet.
  repository.edit('zakenak.yaml', 'images: { failOn: high }', 'images: { scanner: "off" }');
  repository.commit('chore: push images to the sandbox’s registry');
  repository.git('push', '-q', 'origin', 'main');
  screen.say(
    `${relative(root, repository.folder)} is examples/platform with signed commits, main pushed to origin.`,
  );
  const tools = createToolchain({
    process: createProcessRunner({ ...env }),
    env,
    http: createHttp(),
    progress: { emit: () => {} },
  });
  return {
    ...{ screen, zakenak, repository, folder },
    async helm(...args) {
      const program = await tools.resolve('helm');
      return (await promisify(execFile)(program, args, { env: { ...env }, encoding: 'utf8' })).stdout;
    },
  };
}

function close(around: Surroundings, screen: Screen, image: story.Image, durationMs: number): void {
  const closing = {
    real: [
      'Git repository, SSH signatures, findings, Helm rendering and schemas',
      'etcd, API server, controllers and scheduler of Kubernetes, and the registry',
      ...(image.reference ? [`the image ${image.reference}, built, pushed and read back by its digest`] : []),
      'plans, server-side applies, Helm’s release records, waits and the rollback',
    ],
    simulated: [
      'the node: its pods ran no container, “ready” and the crash are what the simulation says',
      'its two GPUs: counted and scheduled, never computed on',
      'GitHub: the pull requests’ events are made here, no forge was asked',
      ...(image.reference ? [] : ['the image: no builder works here, the chart’s own digest was deployed']),
    ],
  };
  const pages = {
    'report.md': renderMarkdownPage(screen.chapters, closing),
    'report.html': renderHtmlPage(screen.chapters, closing),
  };
  for (const [name, text] of Object.entries(pages)) writeFileSync(join(around.folder, name), text);
  const width = Math.max(...screen.chapters.map(({ title }) => title.length));
  const times = screen.chapters.map(
    ({ title, durationMs: each }) => `  ${title.padEnd(width)}  ${seconds(each).padStart(5)} s`,
  );
  const where = Object.keys(pages).map((name) => `  ${relative(around.root, join(around.folder, name))}`);
  around.write(
    [
      ...['', '== The end', 'Real:', ...closing.real.map((text) => `  ${text}`)],
      ...['Simulated:', ...closing.simulated.map((text) => `  ${text}`)],
      ...['Times:', ...times, `  ${'all'.padEnd(width)}  ${seconds(durationMs).padStart(5)} s`],
      ...['Report:', ...where, ''],
    ].join('\n'),
  );
}
