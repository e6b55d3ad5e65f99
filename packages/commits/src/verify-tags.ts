import type { Git } from '@zakenak/core';
import { isMalformed } from './commit-object.ts';
import { commitUnreadable } from './errors.ts';
import { readObject } from './read-commits.ts';
import type { JudgedObject } from './report.ts';
import { type Verifiers, verifySignature } from './signature.ts';
import { parseTag } from './tag-object.ts';
import { type Fault, fault, isFault, type Signed } from './verdict.ts';

const deepest = 8;

/**
 * Verifies the tags that match a pattern and point into the range: each has to be an annotated, signed tag that carries the ref's own name (git accepts a
 * signed tag under any other), and where it points to a tag, that one too. Throws `commits/unreadable`.
 */
export async function verifyTags(
  patterns: readonly string[],
  commits: ReadonlySet<string>,
  git: Git,
  verifiers: Verifiers,
): Promise<readonly JudgedObject[]> {
  const names = new Set<string>();
  for (const pattern of patterns) for (const { name } of await git.tags(pattern)) names.add(name);
  const judged: JudgedObject[] = [];
  for (const { name, tag } of await keepPointingInto(commits, [...names].sort(), git))
    judged.push({
      kind: 'tag',
      id: `refs/tags/${name}`,
      subject: name,
      verdict: await judgeTag(tag, name, git, verifiers),
    });
  return judged;
}

/** Git's own listing peels one level only. */
async function keepPointingInto(
  commits: ReadonlySet<string>,
  names: readonly string[],
  git: Git,
): Promise<readonly { readonly name: string; readonly tag: string }[]> {
  if (names.length === 0) return [];
  const input = names.flatMap((name) => [`refs/tags/${name}`, `refs/tags/${name}^{commit}`]);
  const { stdout } = await git.run(['cat-file', '--batch-check=%(objectname)'], {
    input: `${input.join('\n')}\n`,
  });
  const ids = stdout.split('\n');
  return names.flatMap((name, index) => {
    const [tag = '', commit = ''] = ids.slice(2 * index, 2 * index + 2);
    return commits.has(commit) ? [{ name, tag }] : [];
  });
}

async function judgeTag(id: string, name: string, git: Git, verifiers: Verifiers): Promise<Signed | Fault> {
  let outermost: Signed | undefined;
  let at = id;
  for (let depth = 0; depth < deepest; depth++) {
    const object = await readObject(at, git);
    if (object.kind === 'commit')
      return outermost ?? fault('unsigned', 'it is a lightweight tag, which cannot be signed');
    if (object.kind !== 'tag') throw commitUnreadable(at, `it is a ${object.kind}`);
    const tag =
      object.text === undefined ? { id: at, malformed: 'it is too large' } : parseTag(at, object.text);
    if (isMalformed(tag)) return fault('malformed', tag.malformed);
    if (depth === 0 && tag.name !== name)
      return fault('wrong-tag', `what was signed is the tag ${JSON.stringify(tag.name.slice(0, 80))}`);
    const verdict = await verifySignature(tag, verifiers);
    if (isFault(verdict))
      return depth === 0 ? verdict : fault(verdict.fault, `of the tag that it points to, ${verdict.reason}`);
    outermost ??= verdict;
    at = tag.target.id;
  }
  return fault('malformed', `it points to a tag more than ${deepest} times`);
}
