import { access, constants, readFile } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { type ProcessRunner, ZakenakError } from '@zakenak/core';
import { badKubeconfig, pluginFailed } from './errors.ts';
import type { ClusterEntry, ExecEntry, Target, UserEntry } from './kubeconfig.ts';

/** What one connection proves itself with. */
export interface Credential {
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** PEM of the client's certificate and key. */
  readonly certificate?: string;
  readonly key?: string;
}

/** Gives the current credential; fetches it anew when it ran out or when the server refused it. */
export interface Credentials {
  current(): Promise<Credential>;
  /** Drops the credential that was refused, where it is still the one that is held; false when nothing fresher can come. */
  renew(refused: Credential): boolean;
}

const tokenFileAgeMs = 60_000;
const pluginTimeoutMs = 60_000;

/** Credentials of a context's user: client certificate, token, token file, basic, or a credential plugin run through `process`. `learn` hears of what must not be shown. */
export function createCredentials(
  target: Target,
  env: Readonly<Record<string, string | undefined>>,
  process?: ProcessRunner,
  learn: (secret: string) => void = () => {},
): Credentials {
  return learning(chooseCredentials(target, env, process), learn);
}

/** Tells of every secret that a credential is made of before it is used. */
function learning(credentials: Credentials, learn: (secret: string) => void): Credentials {
  let told: Credential | undefined;
  return {
    renew: (refused) => credentials.renew(refused),
    async current() {
      const credential = await credentials.current();
      if (credential === told) return credential;
      told = credential;
      const { authorization } = credential.headers;
      const [scheme, secret = ''] = typeof authorization === 'string' ? authorization.split(' ') : [];
      if (secret) learn(secret);
      if (scheme === 'Basic')
        learn(
          Buffer.from(secret, 'base64')
            .toString('utf8')
            .replace(/^[^:]*:/, ''),
        );
      if (credential.key) learn(credential.key);
      return credential;
    },
  };
}

function chooseCredentials(
  target: Target,
  env: Readonly<Record<string, string | undefined>>,
  process?: ProcessRunner,
): Credentials {
  const { user } = target;
  if (user['auth-provider'] !== undefined) {
    const reason = `context '${target.context}' uses an auth-provider, which Kubernetes removed`;
    throw badKubeconfig(target.path, reason, 'Use a credential plugin (exec) or a token instead.');
  }
  if (user.exec) return pluginCredentials(user.exec, target, env, process);
  if (user.tokenFile) return cached(() => readTokenFile(user, target), true);
  // Short-lived certificates are replaced while a watch goes on.
  const mayBeReplaced = [user['client-certificate'], user['client-key']].some(Boolean);
  return cached(() => staticCredential(user, target), mayBeReplaced);
}

interface Dated {
  readonly credential: Credential;
  /** Milliseconds since the epoch. */
  readonly expires?: number;
}

/** Many requests are under way at once: all of them wait for one fetch, whether the credential ran out or each of them was refused. */
function cached(fetch: () => Promise<Dated>, renewable: boolean): Credentials {
  let held: { readonly fetching: Promise<Dated>; dated?: Dated } | undefined;
  const begin = (): NonNullable<typeof held> => {
    const begun: NonNullable<typeof held> = { fetching: fetch() };
    held = begun;
    begun.fetching.then(
      (dated) => {
        begun.dated = dated;
      },
      // A failed fetch is tried again by the next request.
      () => {
        if (held === begun) held = undefined;
      },
    );
    return begun;
  };
  return {
    async current() {
      const { expires } = held?.dated ?? {};
      if (expires !== undefined && expires <= Date.now()) held = undefined;
      return (await (held ?? begin()).fetching).credential;
    },
    renew(refused) {
      if (held?.dated?.credential === refused) held = undefined;
      return renewable;
    },
  };
}

async function readCertificate(
  user: UserEntry,
  target: Target,
): Promise<Pick<Credential, 'certificate' | 'key'>> {
  const [certificate, key] = await Promise.all([
    readPem(user['client-certificate-data'], user['client-certificate'], target),
    readPem(user['client-key-data'], user['client-key'], target),
  ]);
  if (certificate && !key) {
    const reason = `context '${target.context}' has a client certificate without its key`;
    throw badKubeconfig(target.path, reason, 'Add client-key or client-key-data, or fetch the file anew.');
  }
  return pair(certificate, key);
}

async function staticCredential(user: UserEntry, target: Target): Promise<Dated> {
  const authorization = user.token
    ? `Bearer ${user.token}`
    : user.username
      ? `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}`
      : undefined;
  return {
    credential: { ...(await readCertificate(user, target)), headers: headersOf(target, authorization) },
  };
}

async function readTokenFile(user: UserEntry, target: Target): Promise<Dated> {
  const path = user.tokenFile ?? '';
  // A proxy in front of the server may ask for a certificate, and the server for the token.
  const certificate = await readCertificate(user, target);
  try {
    const token = (await readFile(path, 'utf8')).trim();
    const credential = { ...certificate, headers: headersOf(target, `Bearer ${token}`) };
    // Kubelets replace projected tokens while they are in use.
    return { credential, expires: Date.now() + tokenFileAgeMs };
  } catch (cause) {
    throw badKubeconfig(target.path, `the token file ${path} cannot be read`, `Check ${path}.`, cause);
  }
}

/** PEM from base64 data, else from a file; data wins as in kubectl. */
export async function readPem(
  data: string | undefined,
  path: string | undefined,
  target: Target,
): Promise<string | undefined> {
  if (data) return Buffer.from(data, 'base64').toString('utf8');
  if (!path) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw badKubeconfig(
      target.path,
      `${path} cannot be read`,
      `Check that ${path} is there and readable.`,
      cause,
    );
  }
}

/** Who asks, and as whom (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation). Throws `kube/bad-kubeconfig` for what no header can hold. */
function headersOf(target: Target, authorization?: string): Credential['headers'] {
  const { as, 'as-uid': uid, 'as-groups': groups, 'as-user-extra': extra } = target.user;
  const fill = (what: string) => headerText(target, what);
  return {
    ...(authorization ? { authorization: fill('the credential')(authorization) } : {}),
    ...(as ? { 'impersonate-user': fill("'as'")(as) } : {}),
    ...(uid ? { 'impersonate-uid': fill("'as-uid'")(uid) } : {}),
    ...(groups?.length ? { 'impersonate-group': groups.map(fill("'as-groups'")) } : {}),
    ...Object.fromEntries(
      Object.entries(extra ?? {}).map(([key, values]) => [
        `impersonate-extra-${escapeHeaderKey(key)}`,
        values.map(fill("'as-user-extra'")),
      ]),
    ),
  };
}

/** Node sends a header's letters as bytes, and the API server reads them as UTF-8. */
function headerText({ path, context }: Target, what: string): (text: string) => string {
  return (text) => {
    if (!/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text)) return Buffer.from(text).toString('latin1');
    const reason = `${what} of context '${context}' holds a line break or another control character`;
    throw badKubeconfig(path, reason, 'Write it on one line, or log in again.');
  };
}

/** As client-go's headerKeyEscape: what no header's name may hold is percent-encoded. */
function escapeHeaderKey(key: string): string {
  return [...Buffer.from(key.toLowerCase())]
    .map((byte) => {
      const letter = String.fromCharCode(byte);
      return /[\w!#$&'*+.^`|~-]/.test(letter) ? letter : `%${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}

function pair(certificate?: string, key?: string): Pick<Credential, 'certificate' | 'key'> {
  return { ...(certificate ? { certificate } : {}), ...(key ? { key } : {}) };
}

function pluginCredentials(
  exec: ExecEntry,
  target: Target,
  env: Readonly<Record<string, string | undefined>>,
  process?: ProcessRunner,
): Credentials {
  if (!process) throw pluginFailed(exec.command, 'no program may be run here');
  return cached(async () => {
    const program = await findProgram(exec, env);
    const variables = Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value]));
    const info = execInfo(exec, target.cluster, await readPem(...authorityOf(target), target));
    const result = await process
      .run({
        program,
        args: exec.args ?? [],
        env: { ...variables, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
        timeoutMs: pluginTimeoutMs,
      })
      .catch((thrown: unknown) => {
        if (thrown instanceof ZakenakError && thrown.code.startsWith('run/')) throw thrown;
        throw pluginFailed(
          exec.command,
          thrown instanceof Error ? thrown.message : 'it cannot be run',
          exec.installHint,
        );
      });
    if (result.exitCode !== 0) {
      const said = result.stderr.trim().split('\n').at(-1) || `exit code ${result.exitCode}`;
      throw pluginFailed(exec.command, said);
    }
    return parseExecCredential(result.stdout, exec, target);
  }, true);
}

function authorityOf({ cluster }: Target): [string | undefined, string | undefined] {
  return [cluster['certificate-authority-data'], cluster['certificate-authority']];
}

function execInfo(exec: ExecEntry, cluster: ClusterEntry, authority?: string): unknown {
  const described = {
    server: cluster.server,
    ...(cluster['tls-server-name'] ? { 'tls-server-name': cluster['tls-server-name'] } : {}),
    ...(cluster['insecure-skip-tls-verify'] ? { 'insecure-skip-tls-verify': true } : {}),
    ...(authority ? { 'certificate-authority-data': Buffer.from(authority).toString('base64') } : {}),
  };
  return {
    apiVersion: exec.apiVersion ?? 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    spec: { interactive: false, ...(exec.provideClusterInfo ? { cluster: described } : {}) },
  };
}

/** Reads a plugin's answer (https://kubernetes.io/docs/reference/config-api/client-authentication.v1/). Throws `kube/credential-plugin-failed`. */
function parseExecCredential(stdout: string, exec: ExecEntry, target: Target): Dated {
  let status: Record<string, unknown> | undefined;
  try {
    status = (JSON.parse(stdout) as { status?: Record<string, unknown> }).status;
  } catch {
    throw pluginFailed(exec.command, 'its output is not JSON');
  }
  const text = (key: string) => (typeof status?.[key] === 'string' ? (status[key] as string) : undefined);
  const token = text('token');
  const certificate = text('clientCertificateData');
  if (!token && !certificate)
    throw pluginFailed(exec.command, 'its output has neither a token nor a certificate');
  const expires = Date.parse(text('expirationTimestamp') ?? '');
  return {
    credential: {
      ...pair(certificate, text('clientKeyData')),
      headers: headersOf(target, token && `Bearer ${token}`),
    },
    ...(Number.isNaN(expires) ? {} : { expires }),
  };
}

async function findProgram(
  exec: ExecEntry,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  if (isAbsolute(exec.command)) return exec.command;
  for (const folder of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, exec.command);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  throw pluginFailed(exec.command, 'it is not on the PATH', exec.installHint);
}
