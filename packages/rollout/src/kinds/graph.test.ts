import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { seeded } from '../testing/objects.ts';
import { type GraphNode, needsWithin, orderByNeeds, reverseNeeds, runByNeeds } from './graph.ts';

const node = (name: string, ...needs: readonly string[]): GraphNode => ({ name, needs });
const namesOf = (nodes: readonly GraphNode[]) => nodes.map(({ name }) => name);

for (const [name, nodes, order] of [
  ['nothing', [], []],
  ['releases without needs keep their order', [{ name: 'b' }, { name: 'a' }], ['b', 'a']],
  ['a release follows what it needs', [node('a', 'b'), node('b', 'c'), node('c')], ['c', 'b', 'a']],
  ['what two need comes once', [node('a', 'c'), node('b', 'c'), node('c')], ['c', 'a', 'b']],
  ['a need named twice is one need', [node('a', 'b', 'b'), node('b')], ['b', 'a']],
] as const)
  test(`order: ${name}`, () => {
    assert.deepEqual(namesOf(orderByNeeds(nodes)), order);
  });

test('circles, strangers and doubles are named', () => {
  const code = (code: string, message: RegExp) => ({ code: `rollout/${code}`, message });
  assert.throws(() => orderByNeeds([node('a', 'a')]), code('needs-cycle', /: a -> a\.$/));
  assert.throws(
    () => orderByNeeds([node('x', 'a'), node('a', 'b'), node('b', 'c'), node('c', 'a')]),
    code('needs-cycle', /: a -> b -> c -> a\.$/),
  );
  assert.throws(
    () => orderByNeeds([node('web', 'databas'), node('database')]),
    code('unknown-release', /'web' needs 'databas'.*'database'/),
  );
  assert.throws(() => orderByNeeds([node('a'), node('a')]), code('duplicate-release', /'a'/));
});

test('a release starts as soon as its own needs are done, without waiting for others', async () => {
  const gates = new Map(['slow', 'fast', 'after-fast'].map((name) => [name, Promise.withResolvers<void>()]));
  const started: string[] = [];
  const running = runByNeeds(
    [node('slow'), node('fast'), node('after-fast', 'fast'), node('last', 'slow')],
    async ({ name }) => {
      started.push(name);
      await gates.get(name)?.promise;
      return name.length;
    },
  );
  await sleep(1);
  assert.deepEqual(started, ['slow', 'fast']);
  gates.get('fast')?.resolve();
  await sleep(1);
  assert.deepEqual(started, ['slow', 'fast', 'after-fast']);
  for (const { resolve } of gates.values()) resolve();
  const { results, errors } = await running;
  assert.deepEqual(Object.fromEntries(results), { slow: 4, fast: 4, 'after-fast': 10, last: 4 });
  assert.deepEqual(errors, []);
});

test('what needs a failed release does not run, everything else does', async () => {
  const nodes = [node('a'), node('b', 'a'), node('c', 'b'), node('d'), node('e', 'd', 'a')];
  const { results, errors } = await runByNeeds(nodes, async ({ name }) => {
    if (name === 'a') throw new Error('broken');
    return name;
  });
  assert.deepEqual([...results.keys()], ['d']);
  assert.deepEqual(
    errors.map(({ node, error }) => [node.name, (error as Error).message]),
    [['a', 'broken']],
  );
});

test('errors come in the order in which they happened, also those thrown at once', async () => {
  const { errors } = await runByNeeds([node('late'), node('early')], ({ name }) => {
    if (name === 'early') throw new Error(name);
    return sleep(2).then(() => Promise.reject(new Error(name)));
  });
  assert.deepEqual(namesOf(errors.map(({ node }) => node)), ['early', 'late']);
});

/** A graph without circles, its nodes shuffled. */
function randomGraph(random: () => number): readonly GraphNode[] {
  const size = 1 + Math.floor(random() * 12);
  const nodes = Array.from({ length: size }, (_, index) =>
    node(
      `n${index}`,
      ...Array.from({ length: index }, (_, other) => `n${other}`).filter(() => random() < 0.3),
    ),
  );
  return nodes
    .map((node) => [random(), node] as const)
    .sort(([a], [b]) => a - b)
    .map(([, node]) => node);
}

test('in any graph every release runs once, after its needs, and never after a failed one', async () => {
  const random = seeded(7);
  for (let round = 0; round < 300; round++) {
    const nodes = randomGraph(random);
    const failing = new Set(nodes.filter(() => random() < 0.15).map(({ name }) => name));
    const ended: string[] = [];
    const started: string[] = [];
    const { results, errors } = await runByNeeds(nodes, async ({ name, needs = [] }) => {
      for (const need of needs) assert.ok(ended.includes(need), `${name} ran before ${need}`);
      started.push(name);
      for (let turn = random() * 4; turn > 0; turn--) await Promise.resolve();
      if (failing.has(name)) throw new Error(name);
      ended.push(name);
      return name;
    });
    const lost = new Set(failing);
    for (const { name, needs = [] } of orderByNeeds(nodes))
      if (needs.some((need) => lost.has(need))) lost.add(name);
    assert.deepEqual(
      [...results.keys()].sort(),
      namesOf(nodes)
        .filter((name) => !lost.has(name))
        .sort(),
    );
    assert.equal(new Set(started).size, started.length);
    for (const { node } of errors) assert.ok(failing.has(node.name), `${node.name}: unexpected`);
  }
});

test('reversed needs are the same edges the other way round, and twice reversed they are what they were', () => {
  const random = seeded(9);
  const edges = (nodes: readonly GraphNode[]) =>
    nodes.flatMap(({ name, needs = [] }) => needs.map((need) => `${name} ${need}`)).sort();
  for (let round = 0; round < 100; round++) {
    const nodes = randomGraph(random);
    const reversed = reverseNeeds(nodes);
    assert.deepEqual(
      edges(reversed)
        .map((edge) => edge.split(' ').reverse().join(' '))
        .sort(),
      edges(nodes),
    );
    assert.deepEqual(edges(reverseNeeds(reversed)), edges(nodes));
    assert.equal(orderByNeeds(reversed).length, nodes.length);
  }
});

test('in a part of a graph a node comes after another where it did in the whole, also over nodes that are left out', () => {
  const random = seeded(11);
  /** All that a node needs, near and far. */
  const closure = (nodes: readonly GraphNode[], name: string): ReadonlySet<string> => {
    const all = new Set(nodes.find((node) => node.name === name)?.needs ?? []);
    for (const need of all) for (const further of closure(nodes, need)) all.add(further);
    return all;
  };
  for (let round = 0; round < 100; round++) {
    const nodes = randomGraph(random);
    const names = new Set(namesOf(nodes).filter(() => random() < 0.5));
    const part = needsWithin(nodes, names);
    assert.deepEqual(
      namesOf(part),
      namesOf(nodes).filter((name) => names.has(name)),
    );
    for (const { name } of part) {
      const whole = [...closure(nodes, name)].filter((need) => names.has(need));
      assert.deepEqual([...closure(part, name)].sort(), whole.sort());
    }
  }
});
