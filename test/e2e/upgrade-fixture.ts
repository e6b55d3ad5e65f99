import type { TestContext } from 'node:test';
import type { Sandbox } from '@zakenak/sandbox';
import { makeTestSet, type TestSet } from './rollout-fixture.ts';

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

/** Flags of a deploy that carries out `changeEverything` whole. */
export const removing: readonly string[] = ['--prune', '--allow-irreversible', '--lock-timeout', '1m'];

/** A set whose next commit, `changeEverything`, needs every kind of operation. Not deployed yet. */
export async function makeUpgradeSet(t: TestContext, sandbox: Sandbox): Promise<TestSet> {
  const set = await makeTestSet(t, sandbox);
  await set.workspace.write({ 'charts/app/templates/worker.yaml': worker });
  await set.setValues({ base: { extra: { old: 'x' }, claim: true }, api: { pool: 'one' } });
  return set;
}

/** Apply, create, delete, recreate, a hook, the late removal of a claim, and the last release leaves zakenak.yaml. `api` gets more values. */
export async function changeEverything(
  set: TestSet,
  api: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await set.setValues({
    base: { text: 'second', extra: { new: 'x' }, hook: 'yes' },
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
