import type { Git, InputsOf, Ports } from '@zakenak/core';
import semver from 'semver';
import { type Change, parseChange, settleReverts } from './change.ts';
import { prependSection, readSection, renderNotes } from './changelog.ts';
import { badVersionInput, tagExists } from './errors.ts';
import { type RepositoryState, readRepository, releaseTrailer, type VersionTag } from './repository.ts';
import type { spec } from './spec.ts';
import { bumpOf, floatingTags, newestVersion, nextVersion } from './version.ts';

/** The parsed inputs of the release action. */
export type ReleaseRequest = InputsOf<typeof spec>;

/** What a release would do. Made without changing the repository, apart from fetching version tags that were missing. */
export interface ReleasePlan {
  /**
   * `release`: make one. `finish`: a former run's release reached the remote, this clone or the release page did not follow.
   * `nothing`: no change asks for one. `overtaken`: the remote's branch is ahead, its newest commit's own run releases.
   */
  readonly action: 'release' | 'finish' | 'nothing' | 'overtaken';
  readonly head: string;
  readonly version: string;
  readonly previousVersion: string | undefined;
  readonly tag: string;
  readonly prerelease: boolean;
  readonly floating: readonly string[];
  readonly changes: readonly Change[];
  /** Release notes as Markdown. */
  readonly notes: string;
  /** The changelog's new text, where it changes. */
  readonly changelog: { readonly path: string; readonly text: string } | undefined;
  /** The commit to tag, where a former run made it already. */
  readonly commit: string | undefined;
  readonly repository: RepositoryState;
}

/** Reads clone, remote and history and decides the next release. Throws the `releases/…` errors of `readRepository`, `bad-input` and `tag-exists`. */
export async function planRelease(
  request: ReleaseRequest,
  ports: Pick<Ports, 'git' | 'files' | 'clock'>,
): Promise<ReleasePlan> {
  checkInputs(request);
  const prefix = request['tag-prefix'];
  const repository = await readRepository(ports.git, {
    branch: request.branch,
    remote: request.remote,
    prefix,
    push: request.push,
  });
  if (repository.remoteTip !== repository.head) return planOvertaken(request, repository, ports.git);
  const last = newestTag(repository.reachable);
  const since = request.prerelease === undefined ? newestTag(repository.reachable.filter(isStable)) : last;
  const changes = await readChanges(ports.git, repository.head, since?.tag);
  const decided = await decideVersion(request, repository, changes, ports.git);
  if (decided === undefined) return idlePlan('nothing', repository, last, await tagNotes(ports.git, last));
  const tag = `${prefix}${decided}`;
  if (repository.all.some((other) => other.tag === tag)) throw tagExists(tag);
  const commit = (await releaseTagOf(ports.git, repository.head)) === tag ? repository.head : undefined;
  const draft = renderNotes(changes);
  const written = await planChangelog(request, ports, {
    version: decided,
    notes: draft,
    head: repository.head,
  });
  return {
    action: 'release',
    head: repository.head,
    version: decided,
    previousVersion: last?.version,
    tag,
    prerelease: semver.prerelease(decided) !== null,
    floating: floatingTags(
      decided,
      repository.all.map(({ version }) => version),
      request['floating-tags'],
      prefix,
    ),
    changes,
    notes: written.notes,
    changelog: commit === undefined ? written.changelog : undefined,
    commit,
    repository,
  };
}

function checkInputs(request: ReleaseRequest): void {
  const versions = ['initial-version', 'release-as'] as const;
  for (const name of versions) {
    const value = request[name];
    if (value !== undefined && semver.valid(value) !== value)
      throw badVersionInput(name, value, 'a version such as 1.2.3');
  }
  const { prerelease, branch, remote, committer } = request;
  if (prerelease !== undefined && !/^[a-z][0-9a-z-]*$/i.test(prerelease))
    throw badVersionInput('prerelease', prerelease, 'an identifier such as rc');
  if (!/^[\w./-]*$/.test(request['tag-prefix']) || request['tag-prefix'].startsWith('-'))
    throw badVersionInput('tag-prefix', request['tag-prefix'], 'letters, digits, dots, slashes and dashes');
  if (!/^[^\s~^:?*[\\-][^\s~^:?*[\\]*$/.test(branch))
    throw badVersionInput('branch', branch, 'a branch name');
  if (/^-|\s/.test(remote)) throw badVersionInput('remote', remote, 'a remote name or address');
  if (committer !== undefined && !/^[^<>\n]+ <[^<>\s]+>$/.test(committer))
    throw badVersionInput('committer', committer, 'a name and address, as Name <address>');
}

async function planOvertaken(
  request: ReleaseRequest,
  repository: RepositoryState,
  git: Git,
): Promise<ReleasePlan> {
  const tag = await releaseTagOf(git, repository.remoteTip);
  const parent = (
    await git.run(['rev-parse', `${repository.remoteTip}^1`], { allowFailure: true })
  ).stdout.trim();
  const made = repository.all.find((candidate) => candidate.tag === tag);
  const ours = made && parent === repository.head;
  if (!ours) return idlePlan('overtaken', repository, newestTag(repository.reachable), '');
  const previous = newestTag(repository.reachable);
  return {
    ...idlePlan('finish', repository, made, await tagNotes(git, made)),
    previousVersion: previous?.version,
    floating: floatingTags(
      made.version,
      repository.all.map(({ version }) => version),
      request['floating-tags'],
      request['tag-prefix'],
    ),
    commit: repository.remoteTip,
  };
}

function idlePlan(
  action: 'finish' | 'nothing' | 'overtaken',
  repository: RepositoryState,
  last: VersionTag | undefined,
  notes: string,
): ReleasePlan {
  return {
    action,
    head: repository.head,
    version: last?.version ?? '',
    previousVersion: last?.version,
    tag: last?.tag ?? '',
    prerelease: last !== undefined && !isStable(last),
    floating: [],
    changes: [],
    notes,
    changelog: undefined,
    commit: undefined,
    repository,
  };
}

async function decideVersion(
  request: ReleaseRequest,
  repository: RepositoryState,
  changes: readonly Change[],
  git: Git,
): Promise<string | undefined> {
  const forced = request['release-as'];
  if (forced !== undefined) {
    // Asking again for the version that head carries already is the same release, not a second one.
    const here = await git.run([
      'tag',
      '--points-at',
      repository.head,
      '--list',
      `${request['tag-prefix']}${forced}`,
    ]);
    return here.stdout.trim() === '' ? forced : undefined;
  }
  const reachable = repository.reachable.map(({ version }) => version);
  const bump = reachable.length === 0 ? 'patch' : bumpOf(changes);
  if (bump === undefined) return undefined;
  const basis = { reachable, initialVersion: request['initial-version'], prerelease: request.prerelease };
  const stable = newestTag(repository.reachable.filter(isStable));
  // A prerelease's version follows from everything since the last stable one, even if only a fix came since the last prerelease.
  const whole =
    request.prerelease === undefined
      ? bump
      : (bumpOf(await readChanges(git, repository.head, stable?.tag)) ?? bump);
  return nextVersion({ ...basis, bump: whole });
}

async function readChanges(git: Git, head: string, since: string | undefined): Promise<readonly Change[]> {
  const base = since === undefined ? [] : [`^${await git.resolve(`refs/tags/${since}`)}`];
  const { stdout } = await git.run([
    'log',
    '-z',
    '--encoding=UTF-8',
    '--no-show-signature',
    '--format=%H%n%B',
    head,
    ...base,
    '--',
  ]);
  const changes = stdout.split('\0').flatMap((entry) => {
    const cut = entry.indexOf('\n');
    return cut < 0 ? [] : [parseChange(entry.slice(0, cut).trim(), entry.slice(cut + 1))];
  });
  return settleReverts(changes);
}

async function planChangelog(
  request: ReleaseRequest,
  ports: Pick<Ports, 'git' | 'files' | 'clock'>,
  next: { readonly version: string; readonly notes: string; readonly head: string },
): Promise<Pick<ReleasePlan, 'notes' | 'changelog'>> {
  const path = request.changelog.replace(/^(\.\/)+/, '');
  if (path === 'off') return { notes: next.notes, changelog: undefined };
  await ports.files.resolve(path);
  const current = await ports.git.readFile(next.head, path);
  const date = ports.clock.now().toISOString().slice(0, 10);
  const text = prependSection(current, { version: next.version, date, notes: next.notes });
  const notes = readSection(text, next.version) ?? next.notes;
  return { notes, changelog: text === current ? undefined : { path, text } };
}

/** The tag that our release commit was made for, undefined for any other commit. */
async function releaseTagOf(git: Git, commit: string): Promise<string | undefined> {
  const { stdout } = await git.run([
    'show',
    '--no-patch',
    '--no-show-signature',
    `--format=%(trailers:key=${releaseTrailer},valueonly,separator=%x2C)`,
    commit,
    '--',
  ]);
  return stdout.trim() || undefined;
}

async function tagNotes(git: Git, tag: VersionTag | undefined): Promise<string> {
  if (tag === undefined) return '';
  const { stdout } = await git.run(['for-each-ref', '--format=%(contents:body)', `refs/tags/${tag.tag}`]);
  const trailer = new RegExp(`^${releaseTrailer}: .*$`, 'm');
  return stdout.replace(trailer, '').trim();
}

function newestTag(tags: readonly VersionTag[]): VersionTag | undefined {
  const newest = newestVersion(tags.map(({ version }) => version));
  return tags.find(({ version }) => version === newest);
}

function isStable(tag: VersionTag): boolean {
  return semver.prerelease(tag.version) === null;
}
