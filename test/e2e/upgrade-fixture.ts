import type { TestContext } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { KubeApi } from '@zakenak/core';
import type { Sandbox } from '@zakenak/sandbox';
import { normalise } from './deploy-crash-fixture.ts';
import { dumpNamespace, makeTestSet, type TestSet } from './rollout-fixture.ts';

/** More values of a release. */
type More = Readonly<Record<string, unknown>>;

/** A Deployment whose selector, which cannot be changed in place, is a value. */
const worker = `{{- if .Values.pool }}
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }}-worker }
spec:
  selector: { matchLabels: { pool: {{ .Values.pool | quote }} } }
  template:
    metadata: { labels: { pool: {{ .Values.pool | quote }} } }
    spec: { containers: [{ name: worker, image: "example/worker:1" }] }
{{- end }}
`;

/** Hooks around everything, with each delete policy. */
const around = `{{- if .Values.around }}
{{- range $name, $hook := dict "note" "pre-upgrade" "before" "pre-upgrade" "after" "post-upgrade" "back" "pre-rollback" "settled" "post-rollback" }}
---
{{- if eq $name "note" }}
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ $.Release.Name }}-note, annotations: { helm.sh/hook: {{ $hook }}, helm.sh/hook-weight: "-5", helm.sh/hook-delete-policy: hook-succeeded } }
data: { text: {{ $.Values.text | quote }} }
{{- else }}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $.Release.Name }}-{{ $name }}
  annotations: { helm.sh/hook: {{ $hook }}, helm.sh/hook-delete-policy: {{ ternary "hook-succeeded" "before-hook-creation,hook-succeeded" (eq $name "before") | quote }} }
spec:
  backoffLimit: 0
  template: { spec: { restartPolicy: Never, containers: [{ name: hook, image: "example/hook:1" }] } }
{{- end }}
{{- end }}
{{- end }}
`;

/** Flags of a deploy that carries out `changeEverything` whole. */
export const removing: readonly string[] = ['--prune', '--allow-irreversible', '--lock-timeout', '1m'];

/** A set whose next commit, `changeEverything`, needs every kind of operation. Not deployed yet. */
export async function makeUpgradeSet(t: TestContext, sandbox: Sandbox, base: More = {}): Promise<TestSet> {
  const set = await makeTestSet(t, sandbox);
  await set.workspace.write({
    'charts/app/templates/worker.yaml': worker,
    'charts/app/templates/around.yaml': around,
  });
  await set.setValues({ base: { extra: { old: 'x' }, claim: true, ...base }, api: { pool: 'one' } });
  return set;
}

/** Apply, create, delete, recreate, a hook, the late removal of a claim, and the last release leaves zakenak.yaml. */
export async function changeEverything(set: TestSet, api: More = {}, base: More = {}): Promise<void> {
  await set.setValues({
    base: { text: 'second', extra: { new: 'x' }, hook: 'yes', ...base },
    api: { text: 'second', pool: 'two', ...api },
  });
  const config = `project: ${set.name.replace(/-test$/, '')}
environments: { test: { cluster: { context: zakenak-sandbox }, values: [values.yaml] } }
deploy:
  namespace: ${set.name}
  releases:
    - { name: base, chart: charts/app, timeout: 30s }
    - { name: api, chart: charts/app, needs: [base], timeout: 30s }
`;
  await set.workspace.write({ 'zakenak.yaml': config });
}

/** Makes the deployed revision of a release its tenth: the next one makes the oldest go. */
async function fillHistory(set: TestSet, release: string, kube: KubeApi): Promise<void> {
  const name = `sh.helm.release.v1.${release}.v`;
  const ref = { apiVersion: 'v1', kind: 'Secret', namespace: set.name };
  const first = await kube.get({ ...ref, name: `${name}1` });
  if (!first) throw new Error(`${release} has no first revision`);
  const packed = Buffer.from((first.data as { release: string }).release, 'base64').toString('latin1');
  const content = JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString('utf8'));
  for (let version = 1; version <= 10; version += 1) {
    const status = version === 10 ? 'deployed' : 'superseded';
    const text = JSON.stringify({ ...content, version, info: { ...content.info, status } });
    const labels = { ...first.metadata.labels, version: String(version), status };
    const secret = {
      ...ref,
      type: 'helm.sh/release.v1',
      metadata: { name: `${name}${version}`, namespace: set.name, labels },
      data: { release: Buffer.from(gzipSync(text).toString('base64')).toString('base64') },
    };
    await (version === 1 ? kube.replace(secret) : kube.create(secret));
  }
}

const hooked = { around: true };

/** A deployed set with hooks around it and ten revisions of a release: the next one makes the oldest go. */
export async function beginUpgrade(t: TestContext, sandbox: Sandbox, kube: KubeApi): Promise<TestSet> {
  const set = await makeUpgradeSet(t, sandbox, hooked);
  const { report } = await set.run(['deploy']);
  if (report.verdict !== 'simulated') throw new Error(report.summary);
  await fillHistory(set, 'base', kube);
  return set;
}

/** `changeEverything`, with the hooks. */
export function changeHooked(set: TestSet, api: More = {}): Promise<void> {
  return changeEverything(set, api, hooked);
}

/** A commit that changes much and removes no data. */
export function changeMuch(set: TestSet): Promise<void> {
  return set.setValues({
    base: { text: 'second', extra: { new: 'x' }, claim: true, ...hooked },
    api: { text: 'second', pool: 'two' },
    web: { text: 'second' },
  });
}

/** What the set holds, in words that are the same for every set. */
export async function dumpUpgrade(set: TestSet, kube: KubeApi): Promise<string> {
  return (
    normalise(await dumpNamespace(kube, set.name), set)
      // A Job of a hook bears the time of its run and the ids that its controller gave it.
      .split('\n')
      .filter((line) => !/^\{"kind":"Job".*"name":"base-hook"/.test(line))
      .sort()
      .join('\n')
  );
}
