/**
 * Rendering a set's charts: `helm template` for each release, as a deploy does, against one process with Helm's library for all of them, native and as WebAssembly.
 * Needs Go. The figures behind docs/adr/0006.
 *
 * node test/bench/render.ts [--releases 50] [--objects 5,40] [--rounds 5]
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { createTestToolchain } from '../e2e/sandbox-fixture.ts';

const run = promisify(execFile);
const { values } = parseArgs({
  options: {
    releases: { type: 'string', default: '50' },
    objects: { type: 'string', default: '5,40' },
    rounds: { type: 'string', default: '5' },
  },
});
const [releases, rounds] = [Number(values.releases), Number(values.rounds)];
const folder = await mkdtemp(join(tmpdir(), 'zakenak-render-'));

/** Instantiates the module with the chart's folder and runs it over the requests on stdin. */
const host = `
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';
const [file, folder] = process.argv.slice(2);
const module = await WebAssembly.compile(await readFile(file));
const wasi = new WASI({ version: 'preview1', args: ['render'], env: {}, preopens: { [folder]: folder } });
wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
`;

try {
  const helm = await createTestToolchain().resolve('helm');
  const [native, wasm] = [
    await build('render', {}),
    await build('render.wasm', { GOOS: 'wasip1', GOARCH: 'wasm' }),
  ];
  await writeFile(join(folder, 'host.mjs'), host);
  for (const objects of values.objects.split(',').map(Number)) {
    const chart = await writeChart(objects);
    const requests = (count: number) =>
      JSON.stringify(
        Array.from({ length: count }, (_, i) => ({
          Name: `r${i}`,
          Namespace: 'x',
          Chart: chart,
          Values: {},
        })),
      );
    const inWasm = (count: number) =>
      feed(process.execPath, ['--no-warnings', join(folder, 'host.mjs'), wasm, chart], requests(count));
    const ways: readonly (readonly [string, () => Promise<unknown>])[] = [
      [`helm template, ${releases} times, 3 at once`, () => templateAll(helm, chart)],
      ['one native process', () => feed(native, [], requests(releases))],
      ['one native process, 1 release', () => feed(native, [], requests(1))],
      ['WebAssembly in Node', () => inWasm(releases)],
      ['WebAssembly in Node, 1 release', () => inWasm(1)],
    ];
    console.log(`\n${releases} releases of ${objects} objects, medians of ${rounds}`);
    for (const [name, way] of ways)
      console.log(`  ${name.padEnd(40)} ${(await median(way)).toFixed(0).padStart(6)} ms`);
  }
  for (const file of [native, wasm]) await printSize(file);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function build(name: string, env: Readonly<Record<string, string>>): Promise<string> {
  const target = join(folder, name);
  await run('go', ['build', '-trimpath', '-ldflags', '-s -w', '-o', target, '.'], {
    cwd: join(import.meta.dirname, 'render'),
    env: { ...process.env, CGO_ENABLED: '0', ...env },
  });
  return target;
}

async function writeChart(objects: number): Promise<string> {
  const chart = join(folder, `chart-${objects}`);
  await mkdir(join(chart, 'templates'), { recursive: true });
  await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: app\nversion: 1.0.0\n');
  const map = (index: number) =>
    `---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{ .Release.Name }}-${index}", labels: {{ dict "app" .Chart.Name | toJson }} }\ndata: { text: {{ printf "%s-%d" .Release.Namespace ${index} | b64enc | quote }} }\n`;
  const text = Array.from({ length: objects }, (_, index) => map(index)).join('');
  await writeFile(join(chart, 'templates/all.yaml'), text);
  return chart;
}

async function templateAll(helm: string, chart: string): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < releases) await run(helm, ['template', `r${next++}`, chart]);
  };
  await Promise.all([worker(), worker(), worker()]);
}

async function feed(program: string, args: readonly string[], input: string): Promise<void> {
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program}: exit ${code}`);
}

async function median(way: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    await way();
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0;
}

async function printSize(file: string): Promise<void> {
  const [{ size }, packed] = [await stat(file), gzipSync(await readFile(file)).length];
  console.log(
    `  ${file.replace(/.*\//, '').padEnd(12)} ${(size / 2 ** 20).toFixed(1)} MiB, ${(packed / 2 ** 20).toFixed(1)} MiB gzipped`,
  );
}
