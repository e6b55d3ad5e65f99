import { badKubeconfig } from './errors.ts';
import type { ClusterEntry, ExecEntry, UserEntry } from './kubeconfig.ts';

/** What a field has to be; one that is absent, empty (null), or that nobody here reads may be anything. */
const shapes = {
  text: { says: 'text', holds: (value: unknown): boolean => typeof value === 'string' },
  flag: { says: 'true or false', holds: (value: unknown): boolean => typeof value === 'boolean' },
  texts: { says: 'a list of texts', holds: isTexts },
  map: { says: 'a map', holds: isMap },
  extra: {
    says: 'a map of lists of texts',
    holds: (value: unknown): boolean => isMap(value) && Object.values(value).every(isTexts),
  },
  variables: {
    says: 'a list of names and values',
    holds: (value: unknown): boolean =>
      Array.isArray(value) &&
      value.every((one) => isMap(one) && [one['name'], one['value']].every(shapes.text.holds)),
  },
} as const;

type Fields = Readonly<Record<string, keyof typeof shapes>>;

const ofCluster = {
  server: 'text',
  'certificate-authority': 'text',
  'certificate-authority-data': 'text',
  'insecure-skip-tls-verify': 'flag',
  'tls-server-name': 'text',
  'proxy-url': 'text',
} as const satisfies Record<keyof ClusterEntry, keyof typeof shapes>;

const ofUser = {
  'client-certificate': 'text',
  'client-certificate-data': 'text',
  'client-key': 'text',
  'client-key-data': 'text',
  token: 'text',
  tokenFile: 'text',
  username: 'text',
  password: 'text',
  as: 'text',
  'as-uid': 'text',
  'as-groups': 'texts',
  'as-user-extra': 'extra',
  exec: 'map',
} as const satisfies Record<Exclude<keyof UserEntry, 'auth-provider'>, keyof typeof shapes>;

const ofPlugin = {
  apiVersion: 'text',
  command: 'text',
  args: 'texts',
  env: 'variables',
  installHint: 'text',
  provideClusterInfo: 'flag',
} as const satisfies Record<keyof ExecEntry, keyof typeof shapes>;

/** Throws `kube/bad-kubeconfig` for a field of the chosen entries that is none of what it has to be, as client-go does; what it holds is not told. */
export function checkEntries(path: string, cluster: ClusterEntry, user: UserEntry): void {
  check(path, 'cluster', cluster, ofCluster);
  check(path, 'user', user, ofUser);
  if (user.exec) check(path, 'exec', { ...user.exec, command: user.exec.command ?? false }, ofPlugin);
}

function check(path: string, entry: string, fields: object, wanted: Fields): void {
  for (const [name, shape] of Object.entries(wanted)) {
    const value: unknown = (fields as Readonly<Record<string, unknown>>)[name] ?? undefined;
    if (value === undefined || shapes[shape].holds(value)) continue;
    throw badKubeconfig(
      path,
      `'${name}' of the chosen ${entry} is not ${shapes[shape].says}`,
      'Correct the file, or fetch it anew from the cluster.',
    );
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
