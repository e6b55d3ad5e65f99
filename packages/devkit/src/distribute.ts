import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Which tags move with a release, beside the version's own, which never moves. */
type FloatingTags = 'off' | 'major' | 'major-minor';

/** One action's tree on its way into its own repository. */
export interface Distribution {
  /** The action's tree as `pack` wrote it. */
  readonly tree: string;
  /** A clone of the action's repository, on the branch that is pushed. */
  readonly clone: string;
  /** `v1.2.3`. */
  readonly tag: string;
  readonly floating: FloatingTags;
}

/**
 * Makes the tree the clone's next commit, tags it, and pushes branch and tags in one atomic push.
 * Throws where the version's tag is there already, or names no version.
 */
export function distribute({ tree, clone, tag, floating }: Distribution): void {
  const [, major = '', minor = ''] = /^v(\d+)\.(\d+)\.\d+(?:-[0-9A-Za-z.-]+)?$/.exec(tag) ?? [];
  if (major === '') throw new Error(`${tag} is no version tag such as v1.2.3`);
  const git = (...args: readonly string[]) =>
    execFileSync('git', args, { cwd: clone, encoding: 'utf8' }).trim();
  if (git('ls-remote', '--tags', 'origin', `refs/tags/${tag}`) !== '')
    throw new Error(`${tag} is there already, and version tags never move`);
  for (const name of readdirSync(clone))
    if (name !== '.git') rmSync(join(clone, name), { recursive: true, force: true });
  cpSync(tree, clone, { recursive: true });
  git('add', '--all', '--force');
  git('commit', '--quiet', '--allow-empty', '--message', `chore(release): ${tag}`);
  // A prerelease is nobody's v1.
  const moving = tag.includes('-') ? [] : floatingTags(floating, major, minor);
  git('tag', tag);
  for (const name of moving) git('tag', '--force', name);
  const refs = [tag, ...moving].map((name) => `${name === tag ? '' : '+'}refs/tags/${name}`);
  git('push', '--quiet', '--atomic', 'origin', 'HEAD', ...refs);
}

function floatingTags(floating: FloatingTags, major: string, minor: string): readonly string[] {
  if (floating === 'off') return [];
  return floating === 'major' ? [`v${major}`] : [`v${major}`, `v${major}.${minor}`];
}
