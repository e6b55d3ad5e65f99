import { readFile, writeFile } from 'node:fs/promises';
import { type Layout, secretPath } from './layout.ts';

/** Name of the context, cluster and user in the sandbox's kubeconfig. */
export const contextName = 'zakenak-sandbox';
/** Who the user of that kubeconfig is to the API server. */
export const adminName = 'zakenak-sandbox-admin';

/**
 * Writes a kubeconfig (JSON, which is YAML) for the user whose certificate bears `user`, readable by its owner only. Everything is embedded, so
 * that the file works from any folder. `user` is a file name of `writeCertificates`: `admin`, `scheduler`…
 */
export async function writeKubeconfig(
  layout: Layout,
  { path, user, server }: { readonly path: string; readonly user: string; readonly server: string },
): Promise<void> {
  const [authority, certificate, key] = await Promise.all(
    ['ca.crt', `${user}.crt`, `${user}.key`].map(async (name) =>
      (await readFile(secretPath(layout, name))).toString('base64'),
    ),
  );
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': contextName,
    clusters: [{ name: contextName, cluster: { server, 'certificate-authority-data': authority } }],
    users: [{ name: contextName, user: { 'client-certificate-data': certificate, 'client-key-data': key } }],
    contexts: [{ name: contextName, context: { cluster: contextName, user: contextName } }],
  };
  await writeFile(path, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
}
