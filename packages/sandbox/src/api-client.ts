import { readFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Probe } from './daemons.ts';
import { type Layout, secretPath } from './layout.ts';

/** An answer whose body has been read. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request to a server of the sandbox, with the certificates of its probe. Rejects when nobody answers within `timeoutMs`. */
export function requestDaemon(
  layout: Layout,
  probe: Probe,
  options: { readonly method?: string; readonly body?: unknown; readonly timeoutMs?: number } = {},
): Promise<Answer> {
  const secret = (name: string | undefined) => (name ? readFileSync(secretPath(layout, name)) : undefined);
  const send = probe.url.startsWith('https:') ? requestHttps : requestHttp;
  const proxied = probe.through ? { socketPath: probe.through, path: probe.url } : {};
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  return new Promise((resolve, reject) => {
    const outgoing = send(
      probe.through ? 'http://proxy' : probe.url,
      {
        ...proxied,
        method: options.method ?? 'GET',
        agent: false,
        timeout: options.timeoutMs ?? 2_000,
        ca: secret(probe.authority && `${probe.authority}.crt`),
        cert: secret(probe.client && `${probe.client}.crt`),
        key: secret(probe.client && `${probe.client}.key`),
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer from ${probe.url}`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** True when the daemon answers its probe with 200 now. */
export async function isServing(layout: Layout, probe: Probe): Promise<boolean> {
  try {
    return (await requestDaemon(layout, probe)).status === 200;
  } catch {
    return false;
  }
}
