import type { TestContext } from 'node:test';
import type { Report } from '@zakenak/core';
import type { Sandbox } from '@zakenak/sandbox';
import { makeTestSet, type TestSet } from './rollout-fixture.ts';

/** A set of one release `web` that holds just the manifests given. */
export interface FaultSet extends TestSet {
  setManifest(manifest: string): Promise<void>;
}

/** Makes the set, in a namespace of its own. */
export async function makeFaultSet(
  t: TestContext,
  sandbox: Sandbox,
  manifest: string,
  timeout = '60s',
): Promise<FaultSet> {
  const set = await makeTestSet(t, sandbox);
  const project = set.name.replace(/-test$/, '');
  const setManifest = (text: string): Promise<void> =>
    set.workspace.write({ 'charts/fault/templates/fault.yaml': text });
  await set.workspace.write({
    'charts/fault/Chart.yaml': 'apiVersion: v2\nname: fault\nversion: 1.0.0\n',
    'zakenak.yaml': `project: ${project}
environments:
  test:
    cluster: { context: zakenak-sandbox, minVersion: "1.25" }
deploy:
  namespace: ${set.name}
  releases:
    - { name: web, chart: charts/fault, timeout: ${timeout} }
`,
  });
  await setManifest(manifest);
  return { ...set, setManifest };
}

/** What a Deployment is like; the texts are YAML in flow style, without the braces around. */
interface DeploymentShape {
  readonly app?: string;
  readonly simulate?: string;
  readonly container?: string;
  readonly spec?: string;
}

/** A Deployment `web` of one pod with one container `web`. */
export function deployment({
  app = 'web',
  simulate = '',
  container = '',
  spec = '',
}: DeploymentShape): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: ${app} } }
  template:
    metadata: { labels: { app: ${app} }, annotations: { zakenak.dev/simulate: "${simulate}" } }
    spec: { containers: [{ name: web, image: "example/web:1", ${container} }], ${spec} }
`;
}

/** The evidence that a report shows on a terminal. */
export function faultText(report: Report): string {
  return report.sections
    .filter(({ title }) => title.startsWith('Evidence'))
    .map(({ text }) => text)
    .join('\n');
}
