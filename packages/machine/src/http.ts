import { cancelled, type Http } from '@zakenak/core';
import { httpTimedOut, httpUnreachable } from './errors.ts';

const defaultTimeoutMs = 30_000;

/** HTTP over undici, loaded at first use. */
export function createHttp(): Http {
  return {
    async request({ url, method, headers, body, timeoutMs = defaultTimeoutMs, ca, proxy }, signal) {
      const { Agent, ProxyAgent, request } = await import('./undici.ts');
      const dispatcher = proxy
        ? new ProxyAgent({ uri: proxy, proxyTunnel: false })
        : ca
          ? new Agent({ connect: { ca } })
          : undefined;
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        const response = await request(url, {
          method: (method ?? 'GET') as 'GET',
          headers: { 'user-agent': 'zakenak', ...headers },
          body: body ?? null,
          signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
          ...(dispatcher ? { dispatcher } : {}),
        });
        const bytes = new Uint8Array(await response.body.arrayBuffer());
        return { status: response.statusCode, headers: flatten(response.headers), body: bytes };
      } catch (thrown) {
        if (signal?.aborted) throw signal.reason ?? cancelled();
        throw timeout.aborted ? httpTimedOut(url, timeoutMs) : httpUnreachable(url, thrown);
      } finally {
        await dispatcher?.close();
      }
    },
  };
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value].flat().join(', ')]),
  );
}
