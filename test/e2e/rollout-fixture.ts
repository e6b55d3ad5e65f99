import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import type { KubeApi, KubeObject, Report } from '@zakenak/core';
import type { Sandbox } from '@zakenak/sandbox';
import {
  type CliOptions,
  type CliOutcome,
  makeWorkspace,
  reportOf,
  runCli,
  type Workspace,
} from './cli-fixture.ts';

/** A set of three releases that need each other in a row, in namespaces of its own: `base` <- `api` <- `web`. */
export interface TestSet {
  readonly workspace: Workspace;
  /** Name of the set and of its namespace. */
  readonly name: string;
  /** A value that is in a Secret of every release and must never be printed. */
  readonly canary: string;
  /** Writes the environment's values: one key per release. */
  setValues(values: Readonly<Record<string, Readonly<Record<string, unknown>>>>): Promise<void>;
  run(args: readonly string[], options?: CliOptions): Promise<RolloutRun>;
}

/** What one verb came to. */
interface RolloutRun extends CliOutcome {
  readonly report: Report;
}

/** The chart of every release: a Deployment, a Service, a ConfigMap and a Secret, steered by values. */
const chart: Readonly<Record<string, string>> = {
  'charts/app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.2.3\nappVersion: "1"\n',
  'charts/app/values.yaml':
    'text: first\npassword: ""\nreplicas: 1\nsimulate: ""\nreadyAfter: 0s\nextra: {}\nhook: ""\nclaim: false\n',
  'charts/app/templates/config.yaml': `apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }} }
data: { text: {{ .Values.text | quote }} }
---
apiVersion: v1
kind: Secret
metadata: { name: {{ .Release.Name }} }
stringData: { password: {{ .Values.password | quote }} }
{{- range $name, $text := .Values.extra }}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ $.Release.Name }}-{{ $name }} }
data: { text: {{ $text | quote }} }
{{- end }}
`,
  'charts/app/templates/web.yaml': `apiVersion: v1
kind: Service
metadata: { name: {{ .Release.Name }} }
spec: { selector: { app: {{ .Release.Name }} }, ports: [{ port: 80 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata:
      labels: { app: {{ .Release.Name }} }
      annotations:
        text: {{ .Values.text | quote }}
        zakenak.dev/simulate: {{ .Values.simulate | quote }}
        zakenak.dev/simulate-ready-after: {{ .Values.readyAfter | quote }}
    spec:
      containers: [{ name: web, image: "example/web:1", args: [--password, {{ .Values.password | quote }}] }]
`,
  'charts/app/templates/claim.yaml': `{{- if .Values.claim }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: {{ .Release.Name }} }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
{{- end }}
`,
  'charts/app/templates/hook.yaml': `{{- if .Values.hook }}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-hook
  annotations: { helm.sh/hook: "pre-install,pre-upgrade" }
spec:
  backoffLimit: 0
  template:
    metadata: { annotations: { zakenak.dev/simulate: {{ .Values.hook | quote }} } }
    spec: { restartPolicy: Never, containers: [{ name: hook, image: "example/hook:1" }] }
{{- end }}
`,
};

/** Makes a set in a workspace that disappears with the test; its names are its own, so that several can share a cluster. */
export async function makeTestSet(t: TestContext, sandbox: Sandbox): Promise<TestSet> {
  const project = `shop-${randomBytes(4).toString('hex')}`;
  const canary = `canary-${randomBytes(12).toString('hex')}`;
  const name = `${project}-test`;
  const workspace = await makeWorkspace(t, { ...chart, 'zakenak.yaml': configOf(project, name) });
  const setValues: TestSet['setValues'] = async (values) => {
    const all = ['base', 'api', 'web'].map((release) => [release, { password: canary, ...values[release] }]);
    await workspace.write({ 'values.yaml': JSON.stringify(Object.fromEntries(all)) });
  };
  await setValues({});
  return {
    workspace,
    name,
    canary,
    setValues,
    async run(args, options = {}) {
      const way = args.includes('--kubeconfig') ? [] : ['--kubeconfig', sandbox.kubeconfig];
      const all = [...args, '--json', '--directory', workspace.root, ...way];
      const outcome = await runCli(all, options);
      const report = outcome.signal ? undefined : reportOf(outcome);
      return { ...outcome, report: report as Report };
    },
  };
}

/** The zakenak.yaml of a test set. */
export function configOf(
  project: string,
  namespace: string,
  timeouts = { base: '30s', api: '30s', web: '30s' },
): string {
  return `project: ${project}
environments:
  test:
    cluster: { context: zakenak-sandbox, minVersion: "1.25" }
    values: [values.yaml]
deploy:
  namespace: ${namespace}
  releases:
    - { name: base, chart: charts/app, timeout: ${timeouts.base} }
    - { name: api, chart: charts/app, needs: [base], timeout: ${timeouts.api} }
    - { name: web, chart: charts/app, needs: [api], timeout: ${timeouts.web} }
`;
}

const kinds = [
  ['v1', 'ConfigMap'],
  ['v1', 'Secret'],
  ['v1', 'Service'],
  ['v1', 'ServiceAccount'],
  ['v1', 'PersistentVolumeClaim'],
  ['apps/v1', 'Deployment'],
  ['batch/v1', 'Job'],
] as const;

/** Spec, data, labels, annotations and uids of everything a person could have written in a namespace, Helm's records left out, as one text. */
export async function dumpNamespace(kube: KubeApi, namespace: string): Promise<string> {
  const lists = await Promise.all(
    kinds.map(([apiVersion, kind]) => kube.list({ apiVersion, kind, namespace })),
  );
  const objects = lists
    .flatMap(({ items }) => items)
    .filter(({ metadata }) => !metadata.name.startsWith('sh.helm.release.'));
  return objects.map(dumpObject).sort().join('\n');
}

function dumpObject(object: KubeObject): string {
  const { status: _status, kind, metadata, ...rest } = object;
  const { name, namespace, uid, labels, annotations = {} } = metadata;
  const own = Object.entries(annotations).filter(([key]) => !key.startsWith('deployment.kubernetes.io/'));
  const kept = { name, namespace, uid, labels, annotations: Object.fromEntries(own.sort()) };
  return JSON.stringify({ kind, metadata: kept, ...rest });
}

/** A write that the API server saw. */
export interface SeenWrite {
  readonly verb: string;
  readonly resource: string;
  readonly name: string;
  readonly at: string;
}

/** Writes of our user agent in a namespace, in their order, dry runs left out, from the server's own audit log. */
export async function readWrites(sandbox: Sandbox, namespace: string): Promise<readonly SeenWrite[]> {
  const text = await readFile(sandbox.auditLog, 'utf8');
  const writes = new Map<string, SeenWrite>();
  for (const line of text.split('\n')) {
    if (!line.includes(namespace) || !line.endsWith('}')) continue;
    const event = JSON.parse(line) as AuditEvent;
    const isWrite = ['create', 'update', 'patch', 'delete'].includes(event.verb);
    if (!isWrite || !event.userAgent.startsWith('zakenak') || event.requestURI.includes('dryRun=')) continue;
    if (event.objectRef?.namespace !== namespace) continue;
    const { resource = '', name = '' } = event.objectRef;
    const at = event.requestReceivedTimestamp;
    writes.set(event.auditID, { verb: event.verb, resource, name, at });
  }
  return [...writes.values()].sort((a, b) => (a.at < b.at ? -1 : 1));
}

interface AuditEvent {
  readonly auditID: string;
  readonly verb: string;
  readonly userAgent: string;
  readonly requestURI: string;
  readonly requestReceivedTimestamp: string;
  readonly objectRef?: { readonly resource?: string; readonly namespace?: string; readonly name?: string };
}
