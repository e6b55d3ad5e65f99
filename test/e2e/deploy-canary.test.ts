import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { KubeApi } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { type ApiProxy, type PlayedAnswer, startApiProxy } from './api-proxy.ts';
import { type Canaries, createCanaries, readAll } from './canaries.ts';
import { githubEnvironment, makeWorkspace, runCli, type Workspace } from './cli-fixture.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

/** A chart with a secret wherever charts have them. */
const templates = `apiVersion: v1
kind: Secret
metadata: { name: web }
data: { encoded: {{ .Values.encodedValue | b64enc | quote }} }
stringData:
  password: {{ .Values.plainValue | quote }}
  awkward: {{ .Values.awkwardValue | quote }}
  application.yaml: |
    database:
      user: web
      password: {{ .Values.nestedValue }}
  .dockerconfigjson: {{ dict "auths" (dict "registry.example.com" (dict "username" "web" "password" .Values.registryValue)) | toJson | quote }}
  id_ed25519: {{ .Values.keyValue | quote }}
---
apiVersion: v1
kind: Secret
metadata: { name: before, annotations: { helm.sh/hook: "pre-install,pre-upgrade" } }
stringData: { seed: {{ .Values.hookValue | quote }} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: web }
data:
  text: {{ .Values.text | quote }}
  dsn: "postgres://web:{{ .Values.addressValue }}@db:5432/web"
  application.properties: |
    cache.size=12
    mail.password={{ .Values.propertyValue }}
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web }, annotations: { zakenak.dev/simulate: {{ .Values.simulate | quote }} } }
    spec:
      containers:
        - name: web
          image: example/web:1
          args: [--name, web, --api-token, {{ .Values.argumentValue | quote }}, "--password={{ .Values.flagValue }}", {{ .Values.plainValue | quote }}, {{ .Values.awkwardValue | quote }}]
          env:
            - { name: DB_PASSWORD, value: {{ .Values.db.password | quote }} }
            - { name: TEXT, value: {{ .Values.text | quote }} }
{{- if .Values.fails }}
{{ fail (printf "the password %s of %s and %s is weak" .Values.db.password .Values.plainValue (.Values.db.password | b64enc)) }}
{{- end }}
`;
const places = ['encoded', 'plain', 'nested', 'registry', 'hook', 'address', 'property', 'argument', 'flag'];

interface Subject {
  readonly workspace: Workspace;
  readonly canaries: Canaries;
  readonly namespace: string;
  /** Writes values with secrets of their own for each round. */
  values(round: string, more?: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, string>>>;
  /** Runs a verb and looks for canaries in everything that it wrote; returns what it said. */
  run(args: readonly string[], env?: Readonly<Record<string, string | undefined>>): Promise<string>;
}

async function makeSubject(t: TestContext, proxy: ApiProxy, project: string): Promise<Subject> {
  const canaries = createCanaries();
  const namespace = `${project}-test`;
  const workspace = await makeWorkspace(t, {
    'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
    'charts/web/values.yaml': 'text: first\nsimulate: ""\nfails: false\n',
    'charts/web/templates/all.yaml': templates,
    'zakenak.yaml': `project: ${project}
environments: { test: { cluster: { context: zakenak-sandbox }, values: [values.yaml] } }
deploy:
  namespace: ${namespace}
  releases:
    - { name: web, chart: charts/web, timeout: 20s }
`,
  });
  const outside = mkdtempSync(join(tmpdir(), 'zakenak-canary-'));
  t.after(() => rmSync(outside, { recursive: true, force: true }));
  let runs = 0;
  return {
    workspace,
    canaries,
    namespace,
    async values(round, more = {}) {
      const sown: Record<string, string> = {};
      for (const place of places) sown[`${place}Value`] = canaries.at(`${round} ${place}`);
      sown['awkwardValue'] = canaries.at(`${round} awkward`, 'awkward');
      sown['keyValue'] = [1, 2, 3].map((line) => canaries.at(`${round} key line ${line}`)).join('\n');
      const password = canaries.at(`${round} values`);
      await workspace.write({
        'values.yaml': JSON.stringify({ web: { ...sown, db: { password }, ...more } }),
      });
      return { ...sown, password };
    },
    async run(args, env = {}) {
      runs += 1;
      const [out, temporary] = [join(workspace.root, `out-${runs}`), join(outside, `tmp-${runs}`)];
      rmSync(temporary, { recursive: true, force: true });
      mkdirSync(temporary);
      const flags = ['--directory', workspace.root, '--kubeconfig', proxy.kubeconfig];
      const all = [...args, ...flags, '--output-dir', `out-${runs}`, '--events', `out-${runs}/events.ndjson`];
      const ran = await runCli(all, { env: { ZAKENAK_DEBUG: '1', TMPDIR: temporary, ...env } });
      // A host is told by this what to mask.
      const shown = `${ran.stdout}${ran.stderr}`.replace(/^::add-mask::.*$/gm, '');
      canaries.assertNone(shown, `the output of ${args.join(' ')}`);
      const files = [...readAll(temporary), ...readAll(out)];
      for (const [path, text] of files) canaries.assertNone(text, `${path} of ${args.join(' ')}`);
      return shown + files.map(([, text]) => text).join('\n');
    },
  };
}

/** What an application, a kubelet or the server may say of secrets. */
const babble = (secrets: readonly string[]): string =>
  secrets
    .flatMap((secret) => [
      `using ${secret}`,
      `Authorization: Basic ${Buffer.from(`web:${secret}`).toString('base64')}`,
      `{"password":${JSON.stringify(secret)},"again":${JSON.stringify(JSON.stringify({ secret }))}}`,
      `https://example.com/?p=${encodeURIComponent(secret)}`,
      Buffer.from(secret).toString('hex'),
      ...secret.split('\n').map((line) => `  ${line}  `),
    ])
    .join('\n');

const eventsOf = (message: string, { url = '' }: IncomingMessage): PlayedAnswer => {
  const [, name = 'web'] = /involvedObject\.name%3D([^&%]+)/.exec(url) ?? [];
  const event = {
    metadata: { name: 'e1', namespace: 'x' },
    involvedObject: { name },
    type: 'Warning',
    reason: 'Failed',
    message,
    lastTimestamp: new Date().toISOString(),
  };
  return {
    status: 200,
    text: JSON.stringify({ kind: 'EventList', apiVersion: 'v1', metadata: {}, items: [event] }),
  };
};

const json: readonly (readonly string[])[] = [[], ['--json']];

test('plan, deploy, failure with logs and events, rollback, drift, history: no secret in any byte that is written', async (t) => {
  const token = createCanaries().at('token');
  await using proxy = await startApiProxy(sandbox, { token });
  const subject = await makeSubject(t, proxy, 'canary');
  const { run, values, canaries, namespace } = subject;
  const first = await values('first');
  await run(['plan', '--plan-file', 'out-1/plan.json']);
  assert.match(await run(['deploy']), /SIMULATED/);
  // Every secret is a new one, and the former ones are in the "before" of the plan.
  const second = await values('second', { text: 'second', simulate: 'crash-loop' });
  for (const more of json) {
    const shown = await run(['plan', ...more]);
    assert.match(shown, /data\.text[^\n]*first/);
    assert.match(shown, /\*\*\*/);
  }
  await run(['plan', '--plan-file', 'out-5/plan.json']);
  const everything = [...Object.values(first), ...Object.values(second)];
  proxy.intercept((request) => {
    const { url = '', method } = request;
    if (method === 'GET' && /\/pods\/[^/]+\/log/.test(url)) return { status: 200, text: babble(everything) };
    if (method === 'GET' && url.includes('involvedObject')) return eventsOf(babble(everything), request);
    return undefined;
  });
  for (const more of json) {
    const failed = await run(['deploy', ...more]);
    assert.match(failed, /using \*\*\*/, 'the application’s log is in the report');
    assert.match(failed, /Warning Failed/);
    assert.match(failed, /rolled-back/);
  }
  const kept = await run(['deploy', '--on-failure', 'keep']);
  assert.match(kept, /using \*\*\*/);
  // Of what was kept, the values are in no file any more.
  await values('third');
  for (const args of [['history'], ['status'], ['plan'], ['sync'], ['rollback', '--dry-run']])
    await run(args);
  assert.match(await run(['rollback']), /SIMULATED/);
  for (const verb of ['history', 'status']) await run([verb]);
  proxy.intercept(() => undefined);
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web' };
  const byHand = [{ name: 'web', env: [{ name: 'DB_PASSWORD', value: canaries.at('by hand') }] }];
  await kube.patch(ref, 'strategic', { spec: { template: { spec: { containers: byHand } } } });
  await kube.patch({ ...ref, apiVersion: 'v1', kind: 'Secret' }, 'merge', {
    stringData: { password: canaries.at('by hand in the Secret') },
  });
  for (const more of json) {
    const drifted = await run(['status', ...more]);
    assert.match(drifted, /DB_PASSWORD/);
    await run(['sync', ...more]);
    await run(['plan', ...more]);
    await run(['rollback', '--dry-run', ...more]);
  }
  await run(['sync', '--mode', 'correct']);
  const { items } = await kube.list({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    namespace: 'default',
  });
  canaries.assertNone(JSON.stringify(items), 'the Leases');
});

test('what helm and the server say of secrets, and the token of the kubeconfig, are told without them', async (t) => {
  const canaries = createCanaries();
  const token = canaries.at('token');
  await using proxy = await startApiProxy(sandbox, { token });
  const { run, values } = await makeSubject(t, proxy, 'echo');
  await values('first', { fails: true });
  assert.match(await run(['deploy']), /the password \*\*\* of \*\*\* and \*\*\* is weak/);
  const sown = await values('second');
  const said = babble(Object.values(sown));
  const refusals: readonly (readonly [string, (request: IncomingMessage) => boolean])[] = [
    [
      'a dry run',
      ({ method, url = '' }) => method === 'PATCH' && url.includes('dryRun') && url.includes('/web'),
    ],
    ['the write of a Secret', ({ method, url = '' }) => method === 'PATCH' && url.includes('/secrets/web')],
    [
      'a hook',
      ({ method, url = '' }) => method === 'POST' && /\/secrets\?/.test(url) && url.includes('echo-test'),
    ],
    ['the record', ({ method, url = '' }) => method === 'POST' && /echo-test\/secrets$/.test(url)],
  ];
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'echo-test' } });
  for (const [name, isMeant] of refusals) {
    let refused = 0;
    proxy.intercept((request) => {
      if (!isMeant(request)) return undefined;
      refused += 1;
      return { status: 422, message: `Secret "web" is invalid: data: Invalid value: ${said}` };
    });
    for (const more of json) assert.match(await run(['deploy', ...more]), /is invalid[\s\S]*\*\*\*/, name);
    assert.ok(refused > 0, name);
  }
  proxy.intercept(({ url = '', headers }) =>
    url.includes('/leases/') ? { status: 403, message: `no rights for ${headers.authorization}` } : undefined,
  );
  const refused = await run(['deploy']);
  assert.match(refused, /no rights for Bearer \*\*\*/);
  canaries.assertNone(refused, 'the refusal');
});

test('a CI host gets no secret in annotations, summary and outputs, and a killed run leaves none in its temporary files', async (t) => {
  await using proxy = await startApiProxy(sandbox);
  const { run, values, canaries, workspace } = await makeSubject(t, proxy, 'host');
  await values('first');
  const github = await githubEnvironment(workspace, 'push', { after: 'a'.repeat(40) });
  const deployed = await run(['deploy'], github);
  assert.match(deployed, /SIMULATED|simulated/);
  const sown = await values('second', { simulate: 'crash-loop' });
  proxy.intercept(({ url = '' }) =>
    /\/pods\/[^/]+\/log/.test(url) ? { status: 200, text: babble(Object.values(sown)) } : undefined,
  );
  await run(['deploy'], github);
  for (const [path, text] of readAll(join(workspace.root, '..')).filter(([path]) =>
    path.includes('/runner-'),
  ))
    canaries.assertNone(text, path);
  const temporary = mkdtempSync(join(tmpdir(), 'zakenak-canary-'));
  t.after(() => rmSync(temporary, { recursive: true, force: true }));
  await values('third');
  for (const nth of [1, 4, 8]) {
    const flags = ['--directory', workspace.root, '--kubeconfig', proxy.kubeconfig];
    await runCli(['deploy', ...flags, '--lock-timeout', '1m'], {
      env: { TMPDIR: temporary },
      onStart: (child) => proxy.afterWrite(nth, () => child.kill('SIGKILL')),
    });
  }
  // One that is killed while it renders has written most.
  const killed = runCli(['plan', '--directory', workspace.root, '--kubeconfig', proxy.kubeconfig], {
    env: { TMPDIR: temporary },
    onStart: (child) => setTimeout(() => child.kill('SIGKILL'), 700),
  });
  await killed;
  for (const [path, text] of readAll(temporary)) canaries.assertNone(text, path);
});
