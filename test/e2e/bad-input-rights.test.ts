import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { KubeApi, KubeObject, Report } from '@zakenak/core';
import { connectKube } from '@zakenak/kube';
import type { Sandbox } from '@zakenak/sandbox';
import { parseAllDocuments } from 'yaml';
import { auditOf, lines } from './audit-log.ts';
import { assertCoded } from './cli-fixture.ts';
import { kubeconfigAs, serviceAccountToken } from './credential-fixture.ts';
import { makeTestSet, type TestSet } from './rollout-fixture.ts';
import { startTestSandbox } from './sandbox-fixture.ts';

let sandbox: Sandbox;
let kube: KubeApi;

before(async () => {
  sandbox = await startTestSandbox();
  kube = await connectKube({ env: {}, kubeconfig: sandbox.kubeconfig });
});
after(() => sandbox?.stop());

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const rbac = 'rbac.authorization.k8s.io';

/** The roles of docs/deploy.md, for one namespace and the set's state in it. */
async function documentedRoles(namespace: string): Promise<readonly KubeObject[]> {
  const text = await readFile(join(import.meta.dirname, '../../docs/deploy.md'), 'utf8');
  const [, yaml = ''] = /```yaml\n(# The rights of a deploy\n.*?)```/s.exec(text) ?? [];
  return parseAllDocuments(yaml.replaceAll('shop', namespace)).map((one) => one.toJS() as KubeObject);
}

/** A set and a service account `deployer` in its namespace, which may what the documentation's roles say. */
async function makeDeployer(t: TestContext) {
  const set = await makeTestSet(t, sandbox);
  const namespace = set.name;
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const metadata = { name: 'deployer', namespace };
  const account = await kube.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  const roles = await documentedRoles(namespace);
  const subjects = [{ kind: 'ServiceAccount', name: 'deployer', namespace }];
  for (const role of roles) {
    const { name, namespace: place = '' } = role.metadata;
    await kube.create(role);
    t.after(() => kube.delete({ apiVersion: `${rbac}/v1`, kind: 'Role', namespace: place, name }));
    const roleRef = { apiGroup: rbac, kind: 'Role', name };
    const binding = { metadata: { name, namespace: place }, subjects, roleRef };
    await kube.create({ apiVersion: `${rbac}/v1`, kind: 'RoleBinding', ...binding });
  }
  const kubeconfig = await kubeconfigAs(
    sandbox,
    namespace,
    await serviceAccountToken(sandbox, account.metadata),
  );
  const who = `system:serviceaccount:${namespace}:deployer`;
  const own =
    roles.find((role) => role.metadata.namespace === namespace) ?? assert.fail('no role in the page');
  const rules = own['rules'] as readonly Rule[];
  return {
    set,
    who,
    rules,
    run: (args: readonly string[]) =>
      set.run([
        ...args,
        '--kubeconfig',
        kubeconfig,
        ...(args[0] === 'plan' || args[0] === 'deploy' || args[0] === 'rollback'
          ? ['--state-namespace', namespace]
          : []),
      ]),
    /** Replaces the rules in the set's namespace, and waits until the API server goes by them. */
    async allow(now: readonly Rule[], probe: Probe): Promise<void> {
      const ref = { apiVersion: `${rbac}/v1`, kind: 'Role', namespace, name: own.metadata.name };
      await kube.patch(ref, 'merge', { rules: now });
      await until(who, namespace, probe);
    },
  };
}

interface Probe {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly allowed: boolean;
}

/** The authorizer hears of a changed role a moment later. */
async function until(user: string, namespace: string, { allowed, ...what }: Probe): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const review = await kube.create({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: { name: '' },
      spec: { user, resourceAttributes: { namespace, ...what } },
    });
    if ((review['status'] as { readonly allowed: boolean }).allowed === allowed) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`${what.verb} ${what.resource} did not become ${allowed}`);
}

/** Rules without one verb on one resource. */
function without(rules: readonly Rule[], group: string, resource: string, verb: string): readonly Rule[] {
  return rules.flatMap((rule) => {
    if (!(rule.apiGroups.includes(group) && rule.resources.includes(resource))) return [rule];
    const others = rule.resources.filter((one) => one !== resource);
    return [
      ...(others.length > 0 ? [{ ...rule, resources: others }] : []),
      { ...rule, resources: [resource], verbs: rule.verbs.filter((one) => one !== verb) },
    ];
  });
}

describe('the rights of a deploy', { concurrency: false }, () => {
  test('the documented roles are enough to deploy, change, fail, go back and look', async (t) => {
    const { set, run } = await makeDeployer(t);
    const values = { base: { claim: true, hook: 'complete' } };
    await set.setValues(values);
    const passes = ({ report }: { readonly report: Report }): void =>
      assert.equal(report.verdict, 'passed', `${report.error?.message} ${report.summary}`);
    passes(await run(['deploy']));
    passes(await run(['deploy']));
    await set.setValues({ ...values, api: { text: 'second', extra: { more: 'x' } } });
    passes(await run(['deploy']));
    await set.setValues({ ...values, web: { simulate: 'crash-loop' } });
    const { report } = await run(['deploy']);
    assert.equal(report.verdict, 'rolled-back', report.error?.message ?? report.summary);
    assert.match(JSON.stringify(report.sections), /BackOff/);
    passes(await run(['rollback']));
  });

  // What an upgrade of all three releases takes, each alone.
  const needed = [
    ['', 'secrets', 'create'],
    ['', 'secrets', 'update'],
    ['', 'secrets', 'delete'],
    ['coordination.k8s.io', 'leases', 'update'],
    ['apps', 'deployments', 'patch'],
    ['apps', 'deployments', 'watch'],
    ['', 'pods', 'list'],
    ['', 'configmaps', 'delete'],
    ['batch', 'jobs', 'create'],
  ] as const;

  test('each right that lacks is named before anything is written, and its rule mends it', async (t) => {
    const { set, run, rules, allow, who } = await makeDeployer(t);
    assert.equal((await run(['deploy'])).report.verdict, 'passed');
    const changed = { text: 'second', hook: 'complete' };
    await set.setValues({ base: { ...changed, extra: { more: 'x' } }, api: changed, web: changed });
    for (const [group, resource, verb] of needed) {
      await allow(without(rules, group, resource, verb), { group, resource, verb, allowed: false });
      const { outcome, writes } = await auditOf(sandbox, () => run(['deploy']), who);
      const { error } = assertCoded(outcome, {
        code: 'rollout/forbidden',
        exitCode: 4,
        message: new RegExp(
          `^${who} lacks rights that this takes: ${verb} ${resource}${group && `\\.${group}`} in namespace ${set.name}\\.$`,
        ),
      });
      assert.ok(error?.remedy.includes(`a Role in ${set.name}:`), error?.remedy);
      assert.match(
        error?.remedy ?? '',
        new RegExp(`resources: \\["${resource}"\\].*verbs: \\["${verb}"\\] \\}`),
      );
      assert.deepEqual(lines(writes), []);
      await allow(rules, { group, resource, verb, allowed: true });
    }
    const { report } = await run(['deploy']);
    assert.equal(report.verdict, 'passed', report.error?.message ?? report.summary);
  });

  test('one who may not read the namespace is told by status that its end is not known, and refused a deploy', async (t) => {
    const { set, run, rules, allow } = await makeDeployer(t);
    assert.equal((await run(['deploy'])).report.verdict, 'passed');
    const look = { group: '', resource: 'namespaces', verb: 'get' };
    await allow(
      rules.filter(({ resources }) => !resources.includes('namespaces')),
      { ...look, allowed: false },
    );
    const { report } = await run(['status', '--state-namespace', set.name]);
    assert.match(
      report.caveats.join(),
      new RegExp(`Whether the namespace ${set.name} is being deleted is not known`),
    );
    assertCoded(await run(['deploy']), { code: 'rollout/forbidden', exitCode: 4 });
  });

  test('one who may nothing is told everything at once', async (t) => {
    const { set, run, allow, who } = await makeDeployer(t);
    await set.setValues({ base: { hook: 'complete', claim: true } });
    await allow([], { group: '', resource: 'secrets', verb: 'list', allowed: false });
    for (const verb of ['plan', 'deploy']) {
      const { outcome, writes } = await auditOf(sandbox, () => run([verb]), who);
      const { error } = assertCoded(outcome, { code: 'rollout/forbidden', exitCode: 4 });
      const told = [
        ...(error?.message ?? '').matchAll(/([a-z, ]+) ([\w.]+) in namespace (\S+?)[;.]/g),
      ].flatMap(([, verbs = '', resource = '', place = '']) => {
        assert.equal(place, set.name);
        return verbs.split(',').map((one) => `${one.trim()} ${resource}`);
      });
      const tried = [
        'configmaps',
        'secrets',
        'services',
        'persistentvolumeclaims',
        'deployments.apps',
      ].flatMap((resource) => ['get', 'patch', 'create'].map((one) => `${one} ${resource}`));
      const looked = [...tried, 'get namespaces', 'list secrets', 'get leases.coordination.k8s.io'];
      const removed = ['configmaps', 'secrets', 'services', 'persistentvolumeclaims', 'deployments.apps'];
      const watched = ['pods', 'deployments.apps', 'jobs.batch'];
      const carriedOut = [
        ...removed.map((resource) => `delete ${resource}`),
        ...watched.flatMap((resource) => [`list ${resource}`, `watch ${resource}`]),
        ...['create', 'update'].map((one) => `${one} leases.coordination.k8s.io`),
        ...['get', 'create'].map((one) => `${one} jobs.batch`),
        'update secrets',
      ];
      assert.deepEqual(told.sort(), [...looked, ...(verb === 'plan' ? [] : carriedOut)].sort());
      assert.deepEqual(lines(writes), []);
    }
  });

  test('one who may nothing is told so by every other verb too, and writes nothing', async (t) => {
    const { run, allow, who } = await makeDeployer(t);
    assert.equal((await run(['deploy'])).report.verdict, 'passed');
    await allow([], { group: '', resource: 'secrets', verb: 'list', allowed: false });
    for (const args of [
      ['rollback'],
      ['rollback', '--release', 'web'],
      ['status'],
      ['history'],
      ['audit'],
      ['unlock'],
      ['unlock', '--force'],
      ['sync'],
      ['sync', '--mode', 'correct'],
      ['sync', '--mode', 'hold'],
    ]) {
      const { outcome, writes } = await auditOf(sandbox, () => run(args), who);
      assertCoded(outcome, {
        code: 'rollout/forbidden',
        exitCode: 4,
        message: /cannot (?:get|list) resource "\w+" in API group "[^"]*"/,
      });
      assert.deepEqual(lines(writes), [], args.join(' '));
    }
  });

  test('nothing is refused that the API server allows: any verb, any resource, single names', async (t) => {
    const { set, run, rules, allow } = await makeDeployer(t);
    const all = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };
    await allow([all], { group: 'example.com', resource: 'widgets', verb: 'patch', allowed: true });
    assert.equal((await run(['deploy'])).report.verdict, 'passed');
    // ConfigMaps: only these, and neither a list nor a new one.
    const resourceNames = ['base', 'api', 'web', `zakenak.held.${set.name}`, `zakenak.audit.${set.name}`];
    const named = [
      ...rules.map((rule) => ({ ...rule, resources: rule.resources.filter((one) => one !== 'configmaps') })),
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'patch', 'update'], resourceNames },
    ];
    await allow(named, { group: '', resource: 'configmaps', verb: 'list', allowed: false });
    await set.setValues({ base: { text: 'second' }, api: { text: 'second' }, web: { text: 'second' } });
    const { report } = await run(['deploy']);
    assert.equal(report.verdict, 'passed', report.error?.message ?? report.summary);
  });

  test('an administrator is asked about once, and not at all where nothing changes', async (t) => {
    const set: TestSet = await makeTestSet(t, sandbox);
    const questions = async (verb: string): Promise<number> => {
      const before = await readFile(sandbox.auditLog, 'utf8');
      const { report } = await set.run([verb]);
      assert.ok(['simulated', 'passed'].includes(report.verdict), report.summary);
      const seen = (await readFile(sandbox.auditLog, 'utf8')).slice(before.length).split('\n');
      return seen.filter((line) => line.includes('"ResponseComplete"') && line.includes('selfsubject'))
        .length;
    };
    assert.deepEqual(
      [await questions('plan'), await questions('deploy'), await questions('deploy')],
      [0, 1, 0],
    );
  });
});
