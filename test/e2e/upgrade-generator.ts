import type { UpgradePair } from './upgrade-pairs.ts';

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Workloads and Services whose lists and maps change by chance from the first version to the second: elements come, go, change places and contents. */
export function generatePairs(seed: number, count = 12): Readonly<Record<string, UpgradePair>> {
  const random = createRandom(seed);
  const some = <T>(...values: readonly T[]): readonly T[] =>
    values.filter(() => random() < 0.5).sort(() => random() - 0.5);
  const oneOf = <T>(...values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const named = (names: readonly string[], body: (name: string) => object): readonly object[] =>
    names.map((name) => ({ name, ...body(name) }));
  /** Left out as often as not. */
  const maybe = (key: string, value: unknown): object => (random() < 0.5 ? { [key]: value } : {});
  const container = (name: string): object => ({
    image: `example/${name}:${oneOf(1, 2)}`,
    ...maybe(
      'env',
      named(some('A', 'B', 'C', 'D'), () =>
        oneOf<object>(
          { value: oneOf('1', '2', '') },
          { valueFrom: { fieldRef: { fieldPath: oneOf('metadata.name', 'metadata.uid') } } },
        ),
      ),
    ),
    ...maybe('args', some('a', 'b', 'c')),
    ...maybe(
      'ports',
      named(some('http', 'dns', 'metrics'), (port) => ({
        containerPort: { http: 80, dns: 53, metrics: 9090 }[port],
        ...maybe('protocol', oneOf('TCP', 'UDP')),
      })),
    ),
    ...maybe(
      'volumeMounts',
      named(some('x', 'y'), (mount) => ({ mountPath: `/${name}/${mount}` })),
    ),
    ...maybe(
      'resources',
      oneOf({}, { limits: { cpu: oneOf('1', '500m') } }, { requests: { memory: '1Gi' } }),
    ),
    ...maybe('securityContext', oneOf({ runAsNonRoot: true }, { capabilities: { drop: ['ALL'] } })),
  });
  const served = (name: string): object => ({
    ...container(name),
    ...maybe(
      'readinessProbe',
      oneOf<object>(
        { httpGet: { path: '/', port: 80 } },
        { exec: { command: ['a'] } },
        { tcpSocket: { port: 80 } },
      ),
    ),
  });
  const pod = (): object => ({
    containers: named(
      ['main', ...some('side', 'proxy')].sort(() => random() - 0.5),
      served,
    ),
    ...maybe('initContainers', named(some('first', 'second'), container)),
    ...maybe('nodeSelector', { [oneOf('a', 'b')]: 'c' }),
    ...maybe(
      'tolerations',
      some({ key: 'a', operator: 'Exists' }, { key: 'b', value: 'c', effect: 'NoSchedule' }),
    ),
    ...maybe('imagePullSecrets', some({ name: 'a' }, { name: 'b' })),
    ...maybe('terminationGracePeriodSeconds', oneOf(10, 60)),
    volumes: ['x', 'y'].map((name) => ({
      name,
      ...oneOf<object>(
        { emptyDir: {} },
        { configMap: { name: 'keys' } },
        { secret: { secretName: 'secret-key', optional: true } },
      ),
    })),
  });
  const deployment = (name: string): object => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: name } },
      // Always there: Helm 4 fails where the server had filled it in.
      strategy: oneOf<object>(
        { type: 'Recreate' },
        { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      ),
      template: { metadata: { labels: { app: name } }, spec: pod() },
    },
  });
  const service = (name: string): object => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: {
      ...maybe('type', oneOf('ClusterIP', 'NodePort')),
      selector: { [oneOf('a', 'b')]: 'c' },
      ports: named(['http', ...some('dns', 'metrics')], (name) => ({
        port: { http: oneOf(80, 8080), dns: 53, metrics: oneOf(9090, 9091) }[name],
        ...maybe('protocol', oneOf('TCP', 'UDP')),
        ...maybe('targetPort', oneOf<string | number>('web', 8000)),
      })),
    },
  });
  const pairs = Array.from({ length: count }, (_, index): [string, UpgradePair] => {
    const name = `random-${index}`;
    const make = () => JSON.stringify(index % 3 === 2 ? service(name) : deployment(name));
    return [name, { before: make(), after: make() }];
  });
  return Object.fromEntries(pairs);
}
