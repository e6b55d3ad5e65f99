import {
  cancelled,
  createReport,
  type Forge,
  type Git,
  inlineCode,
  type Ports,
  type Report,
  type Verdict,
} from '@zakenak/core';
import { noForge, pushRejected } from './errors.ts';
import { type ReleaseObjects, writeObjects } from './objects.ts';
import { planRelease, type ReleasePlan, type ReleaseRequest } from './plan.ts';

/** What a release reaches the world through; the forge only where a release page is wanted. */
export type ReleasePorts = Pick<Ports, 'git' | 'files' | 'clock' | 'log'> & Partial<Pick<Ports, 'forge'>>;

/**
 * Makes the next release: changelog commit, immutable version tag, floating tags, in one atomic push; then this clone follows, then the release page.
 * A run that was killed anywhere is completed or undone by the next one. Nothing to release gives the verdict `skipped`.
 * Throws the `releases/…` errors of planRelease, `no-identity`, `signing-failed`, `push-rejected`, `push-forbidden` and `no-forge`.
 */
export async function release(
  request: ReleaseRequest,
  ports: ReleasePorts,
  signal?: AbortSignal,
): Promise<Report> {
  const { git, log } = ports;
  if (request['create-release'] && ports.forge?.createRelease === undefined) throw noForge();
  const plan = await planRelease(request, ports);
  if (request['dry-run'])
    return report(plan, { verdict: 'skipped', released: false, sha: plan.commit ?? plan.head });
  if (signal?.aborted) throw cancelled();
  for (const tag of plan.repository.leftovers) {
    log.warn(`Removing the tag ${tag}, which a run that was ended early left in this clone.`);
    await git.run(['update-ref', '-d', `refs/tags/${tag}`]);
  }
  if (plan.action === 'overtaken')
    return report(plan, { verdict: 'skipped', released: false, sha: plan.head });
  if (plan.action === 'nothing') {
    // A run that ended between push and release page is made up for; a draft cannot be told from one more draft.
    const due = !request.draft && plan.tag !== '' && (await isAtHead(plan, git));
    const url = due ? await makePage(plan, request, ports.forge) : undefined;
    return report(plan, { verdict: 'skipped', released: false, sha: plan.head, url });
  }
  const made = plan.action === 'finish' ? undefined : await writeObjects(plan, request, git);
  const commit = made?.commit ?? plan.commit ?? plan.head;
  if (made && request.push) await push(plan, made, request, git);
  await followLocally(plan, commit, made, git);
  const url = await makePage(plan, request, ports.forge);
  return report(plan, { verdict: 'passed', released: true, sha: commit, url });
}

async function push(
  plan: ReleasePlan,
  made: ReleaseObjects,
  request: ReleaseRequest,
  git: Git,
): Promise<void> {
  const leases = plan.floating.map(
    (tag) => `--force-with-lease=refs/tags/${tag}:${plan.repository.remoteTags.get(tag) ?? ''}`,
  );
  const refspecs = [
    ...(made.commit === plan.head ? [] : [`${made.commit}:refs/heads/${request.branch}`]),
    `${made.tag}:refs/tags/${plan.tag}`,
    ...plan.floating.map((tag) => `${made.tag}:refs/tags/${tag}`),
  ];
  const { exitCode, stderr } = await git.run(
    ['push', '--atomic', '--porcelain', '--no-verify', ...leases, '--', request.remote, ...refspecs],
    { allowFailure: true, ownRemote: true },
  );
  if (exitCode !== 0) throw pushRejected(stderr);
}

/** Branch and working tree first, tags last: a commit without its tag is recognised and tagged by the next run. */
async function followLocally(
  plan: ReleasePlan,
  commit: string,
  made: ReleaseObjects | undefined,
  git: Git,
): Promise<void> {
  if (commit !== plan.head)
    await git.run(['merge', '--ff-only', '--quiet', '--no-verify-signatures', commit]);
  if (made === undefined) return;
  const updates = [plan.tag, ...plan.floating].map((tag) => `update refs/tags/${tag} ${made.tag}\n`).join('');
  await git.run(['update-ref', '--stdin'], { input: updates });
}

async function makePage(
  plan: ReleasePlan,
  request: ReleaseRequest,
  forge: Forge | undefined,
): Promise<string | undefined> {
  if (!request['create-release'] || forge?.createRelease === undefined) return undefined;
  const { url } = await forge.createRelease({
    tag: plan.tag,
    title: plan.tag,
    notes: plan.notes,
    prerelease: plan.prerelease,
    draft: request.draft,
  });
  return url;
}

async function isAtHead(plan: ReleasePlan, git: Git): Promise<boolean> {
  return (await git.resolve(`refs/tags/${plan.tag}`)) === plan.head;
}

function report(
  plan: ReleasePlan,
  end: {
    readonly verdict: Verdict;
    readonly released: boolean;
    readonly sha: string;
    readonly url?: string | undefined;
  },
): Report {
  return createReport({
    tool: 'release',
    verdict: end.verdict,
    summary: summarize(plan, end.released),
    outputs: {
      released: end.released,
      version: plan.version,
      'previous-version': plan.previousVersion ?? '',
      tag: plan.tag,
      sha: end.sha,
      changelog: plan.notes,
      'release-url': end.url ?? '',
    },
    sections: plan.notes === '' ? [] : [{ title: `Release ${inlineCode(plan.tag)}`, markdown: plan.notes }],
    caveats:
      plan.action === 'release' && !end.released ? ['Dry run: nothing was committed, tagged or pushed.'] : [],
  });
}

function summarize(plan: ReleasePlan, released: boolean): string {
  if (plan.action === 'overtaken')
    return 'The branch has newer commits on the remote: their own run releases them.';
  if (plan.action === 'nothing') {
    return plan.version === '' ? 'Nothing to release.' : `Nothing to release since ${plan.tag}.`;
  }
  const floating = plan.floating.length === 0 ? '' : ` (also ${plan.floating.join(', ')})`;
  return `${released ? 'Released' : 'Would release'} ${plan.tag}${floating}.`;
}
