import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DemoRepository } from './repository.ts';

/** A pull request as GitHub tells a workflow of it. */
export interface PullRequest {
  readonly number: number;
  readonly title: string;
  readonly branch: string;
}

/** What GitHub's runner sets for the event `pull_request` of a branch of the same repository, with its files in `folder`. */
export function pullRequestEnvironment(
  folder: string,
  repository: DemoRepository,
  { number, title, branch }: PullRequest,
): Readonly<Record<string, string>> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const [event, summary, output] = ['event.json', 'summary.md', 'output'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const [head, base] = [repository.git('rev-parse', branch), repository.git('rev-parse', 'origin/main')];
  const repo = { full_name: 'acme/platform' };
  const payload = {
    number,
    pull_request: {
      number,
      title,
      head: { ref: branch, sha: head, repo },
      base: { ref: 'main', sha: base, repo },
    },
    repository: { ...repo, default_branch: 'main' },
  };
  writeFileSync(event, JSON.stringify(payload));
  for (const path of [summary, output]) writeFileSync(path, '');
  return {
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_EVENT_NAME: 'pull_request',
    GITHUB_EVENT_PATH: event,
    GITHUB_OUTPUT: output,
    GITHUB_REF: `refs/pull/${number}/merge`,
    GITHUB_REPOSITORY: repo.full_name,
    GITHUB_SHA: head,
    GITHUB_STEP_SUMMARY: summary,
    GITHUB_WORKSPACE: repository.folder,
  };
}

/** The user's environment without what belongs to a CI run around the demo, a cluster of theirs, or their own git settings. */
export function demoEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  const foreign = /^(CI|KUBECONFIG|(GITHUB|GITLAB|RUNNER|ACTIONS|INPUT|ZAKENAK_INPUT|HELM|GIT)_.*|CI_.*)$/;
  return {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name))),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
  };
}
