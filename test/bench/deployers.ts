import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTestToolchain } from '../e2e/sandbox-fixture.ts';

/** What is deployed: so many releases of one chart, each of so many objects, one of them a Deployment. */
export interface Shape {
  readonly releases: number;
  readonly objects: number;
}

/** A tool under measurement: deploys the shape to a namespace; returns the most memory its process took, in bytes. */
export interface Deployer {
  readonly name: string;
  deploy(shape: Shape, namespace: string, kubeconfig: string): Promise<number>;
  /** What stands ready beforehand, as a controller does: not measured. */
  prepare?(shape: Shape, namespace: string, kubeconfig: string): Promise<void>;
  /** Ends what stands ready. */
  finish?(): Promise<void>;
}

const releasesOf = ({ releases }: Shape): readonly string[] =>
  Array.from({ length: releases }, (_, index) => `r${index}`);

/** Every deployer that is asked for by name; `folder` is for their workspaces, `dist` holds our bundle. */
export async function makeDeployers(
  names: readonly string[],
  folder: string,
  dist: string,
): Promise<readonly Deployer[]> {
  const { resolve } = createTestToolchain();
  const makers: Readonly<Record<string, () => Promise<Deployer>>> = {
    zakenak: async () => zakenak(folder, dist),
    helm4: async () => helm('helm4', await resolve('helm'), folder),
    helm3: async () => helm('helm3', await resolve('helm3'), folder),
    helmfile: async () =>
      helmfile(
        await buildProgram('helmfile', 'helmfile-1.8.0', 'github.com/helmfile/helmfile'),
        await resolve('helm'),
        folder,
      ),
    argocd: async () =>
      gitopsEngine(
        await buildProgram('gitops-engine', 'gitops-engine-0.7.1', '.'),
        await resolve('helm'),
        folder,
      ),
  };
  return Promise.all(
    names.map((name) => {
      const make = makers[name];
      if (!make) throw new Error(`No deployer ${name}; known are ${Object.keys(makers).join(', ')}.`);
      return make();
    }),
  );
}

function zakenak(folder: string, dist: string): Deployer {
  return {
    name: 'zakenak',
    async deploy(shape, namespace, kubeconfig) {
      const workspace = join(folder, namespace);
      await writeChart(join(workspace, 'chart'), shape);
      const list = releasesOf(shape).map((name) => `    - { name: ${name}, chart: chart }`);
      const head = `project: ${namespace}\nenvironments: { test: { cluster: { context: current } } }\n`;
      const deploy = ['deploy:', `  namespace: ${namespace}`, '  releases:', ...list, ''].join('\n');
      await writeFile(join(workspace, 'zakenak.yaml'), head + deploy);
      const args = ['deploy', '--quiet', '--directory', workspace, '--kubeconfig', kubeconfig];
      return run(process.execPath, [join(dist, 'bin/zakenak'), ...args]);
    },
  };
}

function helm(name: string, program: string, folder: string): Deployer {
  return {
    name,
    async deploy(shape, namespace, kubeconfig) {
      const chart = join(folder, namespace);
      await writeChart(chart, shape);
      const more = ['--namespace', namespace, '--create-namespace', '--wait', '--kubeconfig', kubeconfig];
      let most = 0;
      for (const release of releasesOf(shape))
        most = Math.max(most, await run(program, ['upgrade', '--install', release, chart, ...more]));
      return most;
    },
  };
}

/** As its users run it: sync, since apply needs a plugin; with its own parallelism. */
function helmfile(program: string, helmProgram: string, folder: string): Deployer {
  return {
    name: 'helmfile',
    async deploy(shape, namespace, kubeconfig) {
      const workspace = join(folder, namespace);
      await writeChart(join(workspace, 'chart'), shape);
      const list = releasesOf(shape).map(
        (name) => `  - { name: ${name}, namespace: ${namespace}, chart: ./chart }`,
      );
      const head = 'helmDefaults: { wait: true, createNamespace: true }\nreleases:\n';
      await writeFile(join(workspace, 'helmfile.yaml'), `${head}${list.join('\n')}\n`);
      const args = ['--helm-binary', helmProgram, '--file', join(workspace, 'helmfile.yaml'), 'sync'];
      return run(program, args, { ...process.env, KUBECONFIG: kubeconfig });
    },
  };
}

/** Runs a program to its good end; the peak of its own resident memory, without its children's. */
export async function run(program: string, args: readonly string[], env = process.env): Promise<number> {
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let [most, stderr] = [0, ''];
  child.stderr.on('data', (part: Buffer) => {
    stderr = (stderr + part).slice(-4_000);
  });
  const look = setInterval(() => {
    void peakOf(child.pid).then((peak) => {
      most = Math.max(most, peak);
    });
  }, 50);
  const [code] = await once(child, 'close');
  clearInterval(look);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${code}\n${stderr}`);
  return most;
}

/**
 * The engine of Argo CD alone, resident and with a warm cache, given rendered charts: no repository server, no Application, no queue. It is done when everything is applied; that it
 * is ready is not waited for.
 */
function gitopsEngine(program: string, helmProgram: string, folder: string): Deployer {
  let child: ChildProcess | undefined;
  let output = '';
  const says = async (word: string): Promise<void> => {
    while (!output.includes(`${word}\n`)) {
      if (child?.exitCode !== null) throw new Error(`${program}: exit ${child?.exitCode}\n${output}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    output = '';
  };
  return {
    name: 'argocd',
    async prepare(shape, namespace, kubeconfig) {
      const workspace = join(folder, namespace);
      await writeChart(join(workspace, 'chart'), shape);
      const render = async (release: string): Promise<string> => {
        const args = ['template', release, join(workspace, 'chart'), '--namespace', namespace];
        return (await promisify(execFile)(helmProgram, args, { maxBuffer: 2 ** 28 })).stdout;
      };
      const parts = [`apiVersion: v1\nkind: Namespace\nmetadata: { name: ${namespace} }\n`];
      for (const release of releasesOf(shape)) parts.push(await render(release));
      await writeFile(join(workspace, 'all.yaml'), parts.join('\n---\n'));
      child = spawn(program, [kubeconfig, namespace], { stdio: ['pipe', 'pipe', 'pipe'] });
      for (const stream of [child.stdout, child.stderr])
        stream?.on('data', (part: Buffer) => {
          output += part;
        });
      await says('ready');
    },
    async deploy(_shape, namespace) {
      child?.stdin?.write(`${join(folder, namespace, 'all.yaml')}\n`);
      await says('done');
      return peakOf(child?.pid);
    },
    async finish() {
      if (child?.exitCode !== null) return;
      child.kill();
      await once(child, 'close');
    },
  };
}

/** The most memory that a process has taken so far, in bytes. */
async function peakOf(pid: number | undefined): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmHWM:\s+(\d+) kB/.exec(text)?.[1] ?? 0) * 1024;
}

/** Builds a program from the module beside this file, once: a go.mod that carries `replace` lines is one that `go install` refuses. */
async function buildProgram(module: string, name: string, packageName: string): Promise<string> {
  const cache = process.env['ZAKENAK_CACHE_DIR'] || join(homedir(), '.cache/zakenak');
  const target = join(cache, 'bench', name);
  const args = ['build', '-trimpath', '-ldflags', '-s -w', '-o', target, packageName];
  await mkdir(join(cache, 'bench'), { recursive: true });
  await promisify(execFile)('go', args, {
    cwd: join(import.meta.dirname, module),
    env: { ...process.env, CGO_ENABLED: '0' },
  });
  return target;
}

async function writeChart(target: string, { objects }: Shape): Promise<void> {
  await mkdir(join(target, 'templates'), { recursive: true });
  await writeFile(join(target, 'Chart.yaml'), 'apiVersion: v2\nname: app\nversion: 1.0.0\n');
  const maps = Array.from(
    { length: objects - 1 },
    (_, index) =>
      `---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{ .Release.Name }}-${index}" }\ndata: { text: "${index}" }\n`,
  );
  const deployment =
    '---\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: "{{ .Release.Name }}" }\nspec:\n  selector: { matchLabels: { app: "{{ .Release.Name }}" } }\n  template:\n    metadata: { labels: { app: "{{ .Release.Name }}" } }\n    spec: { containers: [{ name: web, image: "example/web:1" }] }\n';
  await writeFile(join(target, 'templates/all.yaml'), [...maps, deployment].join(''));
}
