import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Sandbox } from '@zakenak/sandbox';

/** A way to the sandbox's API server on which everything takes longer. */
export interface RoundTrip extends AsyncDisposable {
  /** Absolute path of a kubeconfig that leads over it. */
  readonly kubeconfig: string;
}

/**
 * Passes bytes on as they are, encrypted from end to end: HTTP/2, TLS and its handshakes are the deployer's and the server's own, as they are without it. What is sent arrives `ms` milliseconds
 * later, one round trip after the connection was made at the earliest; answers come at once.
 */
export async function startRoundTrip(
  { kubeconfig, folder }: Pick<Sandbox, 'kubeconfig' | 'folder'>,
  ms: number,
): Promise<RoundTrip> {
  const config = JSON.parse(await readFile(kubeconfig, 'utf8')) as {
    readonly clusters: readonly { readonly cluster: { server: string } }[];
  };
  const cluster = config.clusters[0]?.cluster ?? { server: '' };
  const { hostname: host, port } = new URL(cluster.server);
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (client) => {
    const server = connect({ host, port: Number(port), noDelay: true });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    if (ms > 0) delay(client, server, ms);
    else client.pipe(server);
    server.pipe(client);
  });
  await new Promise<void>((ready) => listener.listen(0, '127.0.0.1', ready));
  const { port: own } = listener.address() as AddressInfo;
  cluster.server = `https://127.0.0.1:${own}`;
  const path = join(folder, `round-trip-${own}.json`);
  await writeFile(path, JSON.stringify(config), { mode: 0o600 });
  return {
    kubeconfig: path,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => listener.close(closed));
    },
  };
}

/** Hands on what comes from `source`, in order, each part when its time has come. */
function delay(source: Socket, target: Socket, ms: number): void {
  const connected = performance.now() + ms;
  const waiting: { readonly due: number; readonly part: Buffer | undefined }[] = [];
  let isTimed = false;
  const wait = (): void => {
    const [next] = waiting;
    if (!next || isTimed) return;
    isTimed = true;
    setTimeout(handOn, Math.max(1, Math.round(next.due - performance.now())));
  };
  const handOn = (): void => {
    isTimed = false;
    // Timers count in whole milliseconds.
    const now = performance.now() + 0.5;
    for (let next = waiting[0]; next && next.due <= now; next = waiting[0]) {
      waiting.shift();
      if (next.part) target.write(next.part);
      else target.end();
    }
    wait();
  };
  const take = (part?: Buffer): void => {
    waiting.push({ due: Math.max(performance.now(), connected) + ms, part });
    wait();
  };
  source.on('data', take);
  source.on('end', () => take());
}
