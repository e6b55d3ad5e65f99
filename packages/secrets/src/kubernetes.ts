import type { Git } from '@zakenak/core';
import { readBlobs } from './blobs.ts';
import type { Change } from './changes.ts';
import { findKubernetesSecrets } from './kubernetes-rules.ts';
import type { Leak } from './leak.ts';

const largest = 1024 * 1024;
const mostAtOnce = 32 * 1024 * 1024;
/** Whether a path's file is read for Kubernetes' credentials. */
export const isYaml = (path: string): boolean => /\.ya?ml$|(^|\/)(kubeconfig|\.kube\/config)$/i.test(path);

/**
 * What changes add of Kubernetes' own credentials, and the commits with a YAML file too large (1 MiB) to be read for it. A value that the file had before its commit is not the
 * commit's.
 */
export async function findKubernetesLeaks(
  all: readonly Change[],
  sizes: ReadonlyMap<string, number>,
  git: Git,
): Promise<{ readonly leaks: readonly Leak[]; readonly tooLarge: readonly Change[] }> {
  const changes = all.filter(({ path }) => isYaml(path));
  const isSmall = (blob: string) => (sizes.get(blob) ?? 0) <= largest;
  const secrets = new Map<string, ReturnType<typeof findKubernetesSecrets>>();
  const leaks: Leak[] = [];
  for (const part of inParts(changes, sizes)) {
    const names = part.flatMap(({ blob, former }) => (former ? [blob, former] : [blob]));
    const texts = await readBlobs(names.filter(isSmall), git);
    const judge = (path: string, blob: string | undefined) => {
      const key = `${blob} ${path}`;
      const known = secrets.get(key) ?? findKubernetesSecrets(path, texts.get(blob ?? '') ?? '');
      secrets.set(key, known);
      return known;
    };
    for (const { commit, path, blob, former } of part) {
      const before = new Set(judge(path, former).map(({ secret }) => secret));
      for (const { rule, description, line, secret } of judge(path, blob))
        if (!before.has(secret))
          leaks.push({
            tool: 'zakenak',
            rule,
            description,
            path,
            startLine: line,
            endLine: line,
            commit,
            secret,
          });
    }
    secrets.clear();
  }
  return { leaks, tooLarge: changes.filter(({ blob }) => !isSmall(blob)) };
}

/** Changes whose texts fit into memory together. */
function* inParts(
  changes: readonly Change[],
  sizes: ReadonlyMap<string, number>,
): Generator<readonly Change[]> {
  let part: Change[] = [];
  let bytes = 0;
  for (const change of changes) {
    part.push(change);
    for (const id of [change.blob, change.former]) bytes += Math.min(sizes.get(id ?? '') ?? 0, largest);
    if (bytes < mostAtOnce) continue;
    yield part;
    [part, bytes] = [[], 0];
  }
  yield part;
}
