import type { Git } from '@zakenak/core';
import { readBlobs } from './blobs.ts';
import { findKubernetesSecrets } from './kubernetes-rules.ts';
import type { Leak } from './leak.ts';
import type { Scope } from './scope.ts';

/** A file as a commit made it, and as the commit found it. */
interface Change {
  readonly commit: string;
  readonly path: string;
  readonly blob: string;
  readonly former?: string;
}

const largest = 1024 * 1024;
const isYaml = (path: string) => /\.ya?ml$|(^|\/)(kubeconfig|\.kube\/config)$/i.test(path);

/**
 * What the commits of the scope add of Kubernetes' own credentials, and how many YAML files were too large (1 MiB) to be read for it. A value that the file had before
 * its commit is not the commit's.
 */
export async function findKubernetesLeaks(
  scope: Scope,
  git: Git,
): Promise<{ readonly leaks: readonly Leak[]; readonly tooLarge: number }> {
  const changes = await readChanges(scope, git);
  const asked = changes.flatMap(({ blob, former }) => (former ? [blob, former] : [blob]));
  const { blobs, tooLarge } = await selectSmall(new Set(asked), git);
  const secrets = new Map<string, ReturnType<typeof findKubernetesSecrets>>();
  const leaks: Leak[] = [];
  for (const part of inParts(changes, 500)) {
    const names = part.flatMap(({ blob, former }) => (former ? [blob, former] : [blob]));
    const texts = await readBlobs(
      names.filter((name) => blobs.has(name)),
      git,
    );
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
  return { leaks, tooLarge };
}

async function readChanges(scope: Scope, git: Git): Promise<readonly Change[]> {
  const changes: Change[] = [];
  const options = { encoding: 'latin1', maxOutputBytes: 512 * 1024 * 1024 } as const;
  for (const [commit, tree] of scope.trees)
    changes.push(...parseTree((await git.run(['ls-tree', '-r', '-z', tree], options)).stdout, commit));
  if (scope.heads.length > 0) {
    const input = `${[...scope.heads, ...scope.bases.map((base) => `^${base}`)].join('\n')}\n`;
    const stdout =
      scope.only?.map((commit) => `${commit}\n`).join('') ??
      (await git.run(['rev-list', '--no-merges', '--stdin'], { input })).stdout;
    const args = ['diff-tree', '--stdin', '--root', '-r', '-z', '--no-abbrev', '--no-renames'];
    changes.push(...parseChanges((await git.run(args, { ...options, input: stdout })).stdout));
  }
  for (const [commit, files] of scope.mergedFiles)
    changes.push(...files.map(({ path, blob }) => ({ commit, path: toText(path), blob })));
  return changes.filter(({ path }) => isYaml(path));
}

/** NUL-separated output of `git ls-tree -r -z`, as byte string. */
function parseTree(text: string, commit: string): readonly Change[] {
  return text.split('\0').flatMap((line) => {
    const match = /^100\d{3} blob ([0-9a-f]+)\t(.*)$/s.exec(line);
    return match ? [{ commit, blob: match[1] ?? '', path: toText(match[2] ?? '') }] : [];
  });
}

/** NUL-separated output of `git diff-tree --stdin -z` over commits of one parent or none, as byte string. */
export function parseChanges(text: string): readonly Change[] {
  const changes: Change[] = [];
  const fields = text.split('\0');
  let commit = '';
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index] ?? '';
    const match = /^:\d+ (\d+) ([0-9a-f]+) ([0-9a-f]+) \w/.exec(field);
    if (!match) {
      commit = field.trim() || commit;
      continue;
    }
    const [, mode = '', former = '', blob = ''] = match;
    const path = toText(fields[++index] ?? '');
    if (mode.startsWith('100'))
      changes.push({ commit, path, blob, ...(/^0+$/.test(former) ? {} : { former }) });
  }
  return changes;
}

function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

async function selectSmall(
  ids: ReadonlySet<string>,
  git: Git,
): Promise<{ readonly blobs: ReadonlySet<string>; readonly tooLarge: number }> {
  if (ids.size === 0) return { blobs: ids, tooLarge: 0 };
  const { stdout } = await git.run(['cat-file', '--batch-check=%(objectname) %(objectsize)'], {
    input: `${[...ids].join('\n')}\n`,
    maxOutputBytes: 512 * 1024 * 1024,
  });
  const sized = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' '));
  const small = sized.filter(([, size]) => Number(size) <= largest).map(([id = '']) => id);
  return { blobs: new Set(small), tooLarge: sized.length - small.length };
}

function* inParts<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
