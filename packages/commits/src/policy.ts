import { foldCase } from './address.ts';
import type { Commit } from './commit-object.ts';
import { type Fault, fault, isFault, type Signed } from './verdict.ts';

/** What is demanded beyond a good signature. */
export interface CommitPolicy {
  readonly webFlow: 'allow' | 'merge-only' | 'deny';
  /** Lower-case author addresses. */
  readonly bots: ReadonlySet<string>;
  readonly requireDco: boolean;
}

/** The committer of commits that GitHub's website and API make. */
const webFlowAddress = 'noreply@github.com';

/** Applies the policy to a commit whose signature has been judged; the first fault counts. */
export function applyPolicy(commit: Commit, verdict: Signed | Fault, policy: CommitPolicy): Signed | Fault {
  if (isFault(verdict)) return verdict;
  const isMerge = commit.parents.length > 1;
  const isBot = policy.bots.has(foldCase(commit.author.email));
  if (foldCase(commit.committer.email) === webFlowAddress) {
    if (policy.webFlow === 'deny') return fault('web-flow', 'GitHub signed it, which the policy denies');
    if (policy.webFlow === 'merge-only' && !isMerge && !isBot)
      return fault('web-flow', 'GitHub signed it, which the policy allows only for merges and bots');
  }
  if (policy.requireDco && !isMerge && !isBot && !hasSignOff(commit))
    return fault('no-sign-off', `it has no Signed-off-by line of ${JSON.stringify(commit.author.email)}`);
  return verdict;
}

function hasSignOff({ message, author }: Commit): boolean {
  const wanted = `<${foldCase(author.email)}>`;
  return message
    .split('\n')
    .some((line) => /^signed-off-by: /i.test(line) && foldCase(line.trimEnd()).endsWith(wanted));
}
