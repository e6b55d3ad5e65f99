import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createHttp, createProcessRunner } from '@zakenak/machine';
import { prepareSchemas } from '@zakenak/schemas';
import { cacheFolder, createToolchain } from '@zakenak/toolchain';

// 50 charts with 4 values files each: the shell loop that users write (helm lint, then helm template | kubeconform for each values file) against
// `zakenak lint`, from the command line on, with an empty folder of results and with a full one. A B C, three times; medians.
const root = join(import.meta.dirname, '../..');
const charts = 50;
const valueSets = 4;
const rounds = 3;
const goals = { cold: 4, unchanged: 20 };

const template = `apiVersion: apps/v1
kind: Deployment
metadata: { name: "{{ .Chart.Name }}" }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: web:1
          readinessProbe: { httpGet: { path: /, port: {{ .Values.port }} } }
---
apiVersion: v1
kind: Service
metadata: { name: "{{ .Chart.Name }}" }
spec:
  selector: { app: web }
  ports: [{ port: {{ .Values.port }} }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: "{{ .Chart.Name }}" }
data: { port: "{{ .Values.port }}" }
`;

const progress = { emit() {} };
const tools = createToolchain({
  process: createProcessRunner(),
  env: process.env,
  http: createHttp(),
  progress,
});
const version = '1.34.4';
const schemas = await prepareSchemas(version, {
  process: tools,
  progress,
  cacheFolder: cacheFolder(process.env),
});
const [helm, kubeconform] = await Promise.all([tools.resolve('helm'), tools.resolve('kubeconform')]);

const folder = mkdtempSync(join(tmpdir(), 'zakenak-bench-lint-'));
try {
  writeCharts();
  const results = join(cacheFolder(process.env), 'lint');
  const samples = { shell: [] as number[], cold: [] as number[], unchanged: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    samples.shell.push(time('sh', ['-c', shellLoop()]));
    rmSync(results, { recursive: true, force: true });
    samples.cold.push(zakenak());
    samples.unchanged.push(zakenak());
  }
  const [shell, cold, unchanged] = [median(samples.shell), median(samples.cold), median(samples.unchanged)];
  const lines = [
    `shell loop            ${seconds(shell)}  (${samples.shell.map(seconds).join(', ')})`,
    `zakenak lint, cold    ${seconds(cold)}  ${(shell / cold).toFixed(1)} times faster (${samples.cold.map(seconds).join(', ')})`,
    `  nothing changed     ${seconds(unchanged)}  ${(shell / unchanged).toFixed(1)} times faster (${samples.unchanged.map(seconds).join(', ')})`,
    `${charts} charts, defaults and ${valueSets} values files, on ${availableParallelism()} cores; goals ${goals.cold} and ${goals.unchanged} times`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  process.exitCode = shell / cold >= goals.cold && shell / unchanged >= goals.unchanged ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function shellLoop(): string {
  const check = `'${kubeconform}' -strict -ignore-missing-schemas -kubernetes-version ${version} -schema-location '${schemas}/{{.ResourceKind}}{{.KindSuffix}}.json'`;
  return `set -e
for chart in charts/*; do
  '${helm}' lint --strict "$chart" >/dev/null
  '${helm}' template lint "$chart" --include-crds | ${check}
  for values in "$chart"/ci/*-values.yaml; do
    '${helm}' template lint "$chart" --include-crds --values "$values" | ${check}
  done
done`;
}

function zakenak(): number {
  return time(process.execPath, [join(root, 'packages/cli/src/bin.ts'), 'lint', '--chart-dirs', 'charts']);
}

function time(program: string, args: readonly string[]): number {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' });
  const took = performance.now() - started;
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stdout}${stderr}`);
  return took;
}

function writeCharts(): void {
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (let index = 0; index < charts; index += 1) {
    const chart = `charts/app-${index}`;
    write(`${chart}/Chart.yaml`, `apiVersion: v2\nname: app-${index}\nversion: 0.1.0\n`);
    write(`${chart}/values.yaml`, 'replicas: 1\nport: 80\n');
    for (let set = 0; set < valueSets; set += 1)
      write(`${chart}/ci/${set}-values.yaml`, `replicas: ${set + 2}\nport: ${8_000 + set}\n`);
    write(`${chart}/templates/all.yaml`, template);
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}

function median(samples: readonly number[]): number {
  return [...samples].sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;
}
