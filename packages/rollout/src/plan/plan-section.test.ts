import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Plan, type PlannedRelease, sealPlan } from './plan.ts';
import { planSection } from './plan-section.ts';

const release = (
  name: string,
  action: PlannedRelease['action'],
  needs: readonly string[],
): PlannedRelease => ({
  name,
  namespace: 'shop',
  action,
  reason: 'its manifests changed',
  chart: 'app-1.0.0',
  fromRevision: 1,
  toRevision: action === 'noop' ? 1 : 2,
  needs,
  digests: { chart: 'c', values: 'v', manifest: 'm' },
  createsNamespace: false,
  objects: [],
  hooks: [],
});
const markdownOf = (releases: readonly PlannedRelease[], irreversible: Plan['irreversible'] = []): string =>
  planSection(
    sealPlan({
      schemaVersion: 1,
      set: 'prod',
      cluster: { uid: 'u', version: 'v1.34.4' },
      releases,
      orphans: [],
      irreversible,
    }),
  ).markdown;

test('every release of a small set is in the table and the graph, unchanged ones too', () => {
  const text = markdownOf([release('a', 'noop', []), release('b', 'upgrade', ['a'])]);
  assert.match(
    text,
    /```mermaid\nflowchart LR\n {2}r0\["a<br\/>unchanged"\]:::noop\n {2}r1\["b.*\n {2}r0 --> r1\n/,
  );
  assert.equal(text.match(/^\| `/gm)?.length, 2);
});

test('of a large set what changes is shown, and the rest counted', () => {
  const releases = Array.from({ length: 400 }, (_, index) =>
    release(`r${index}`, index % 100 === 99 ? 'upgrade' : 'noop', index > 0 ? [`r${index - 1}`] : []),
  );
  const text = markdownOf(releases);
  assert.match(text, /^\| `r99` .*\n\| `r199` .*\n\| `r299` .*\n\| `r399` .*\n\| `r0` /m);
  assert.match(text, /_340 more releases, 0 of them change\._/);
  const graph = /```mermaid\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  assert.equal(graph.match(/:::/g)?.length, 4);
  assert.doesNotMatch(graph, /-->/, 'what it needs does not change');
});

test('a thousand releases that change fit into a comment', () => {
  const text = markdownOf(
    Array.from({ length: 1_000 }, (_, index) => release(`release-${index}`, 'upgrade', [])),
  );
  assert.ok(text.length < 60_000, `${text.length}`);
  assert.match(text, /_940 more releases, 940 of them change\._/);
  assert.match(text, /_The graph of 1000 releases that change is left out\._/);
});

test('of much that no rollback puts back the first is shown, and the rest counted', () => {
  const lost = Array.from({ length: 100 }, (_, index) => ({
    release: 'web',
    what: `ConfigMap c${index} is deleted`,
    why: 'it is',
    needsConsent: index === 0,
  }));
  const text = markdownOf([release('web', 'upgrade', [])], lost);
  assert.match(text, /^- ⚠️ `web`: `ConfigMap c0 is deleted`: it is$/m);
  assert.match(text, /`ConfigMap c59 is deleted`: it is\n- … and 40 more$/m);
});
