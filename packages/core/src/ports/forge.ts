import type { Finding } from '../finding.ts';

/** What happened on the forge, in one shape for GitHub, GitLab, Bitbucket, Azure and a laptop. */
export interface CiEvent {
  readonly kind: 'push' | 'pull-request' | 'merge-group' | 'tag' | 'schedule' | 'manual' | 'local';
  /** Full object id of the commit that is judged. */
  readonly headSha?: string;
  /** What the head is compared with: the base branch's tip, or the branch's tip before the push. Absent on a branch's first push. */
  readonly baseSha?: string;
  /** Branch names without refs/heads/. */
  readonly headBranch?: string;
  readonly baseBranch?: string;
  readonly tag?: string;
  readonly defaultBranch?: string;
  readonly forced?: boolean;
  readonly pullRequest?: {
    readonly number: number;
    readonly url?: string;
    readonly fork: boolean;
    readonly title?: string;
  };
  /** Login of who caused it. */
  readonly actor?: string;
}

/** What a CI host can show. A missing capability is replaced by the next best and said so. */
export interface CiCapabilities {
  /** Most annotations of each level that the host shows; 0: none at all. */
  readonly annotationsPerLevel: number;
  readonly summary: boolean;
  readonly groups: boolean;
  readonly masks: boolean;
}

/** The CI host the run is on: GitHub Actions, GitLab CI, Bitbucket Pipelines, Azure Pipelines, or a laptop. */
export interface CiHost {
  readonly name: 'github' | 'gitlab' | 'bitbucket' | 'azure' | 'local';
  readonly capabilities: CiCapabilities;
  /** Absolute path of the checkout. */
  readonly workspace: string;
  readonly repository?: { readonly owner: string; readonly name: string; readonly url: string };
  /** Address of this run's log. */
  readonly runUrl?: string;
  /** Throws ZakenakError `host/unknown-event` and `host/bad-event-payload`. */
  readEvent(): Promise<CiEvent>;
  /** The text a user gave for an input, undefined where none. */
  readInput(name: string): string | undefined;
  setOutput(name: string, value: string): Promise<void>;
  /** Host-specific annotation lines are written by the renderers; this appends Markdown to the job's summary page. */
  appendSummary(markdown: string): Promise<void>;
  /** Makes the host itself mask the value in its log. */
  mask(secret: string): void;
}

/** State of a status check. */
export type StatusState = 'pending' | 'success' | 'failure' | 'error';

/** A forge's API. Throws ZakenakError `forge/unreachable`, `forge/forbidden`, `forge/not-found`, `forge/rate-limited`. */
export interface Forge {
  readonly name: 'github' | 'gitlab' | 'bitbucket' | 'azure' | 'gitea';
  /** Longest body that `upsertComment` takes whole, in UTF-16 code units. */
  readonly maxCommentLength: number;
  /**
   * Makes or replaces the one comment that carries the hidden marker; returns its address. Cuts the body at the forge's limit and says so in it. Where a
   * comment is a thread with a state, `resolved` closes it.
   */
  upsertComment(comment: {
    readonly pullRequest: number;
    readonly marker: string;
    readonly body: string;
    readonly resolved?: boolean;
  }): Promise<string>;
  /** Sets a commit's status, or the pull request's own where the forge keeps such and one is named. */
  setStatus(status: {
    readonly sha: string;
    readonly pullRequest?: number;
    readonly context: string;
    readonly state: StatusState;
    readonly description: string;
    readonly url?: string;
  }): Promise<void>;
  /** The forge's own verdict on commits' signatures, by full object id. Absent where its API has none. */
  readVerifications?(
    shas: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly verified: boolean; readonly reason: string }>>;
  /** Whether the default branch takes signed commits only; undefined where the token may not know. */
  requiresSignatures(): Promise<boolean | undefined>;
  /**
   * Makes a commit of plain files on a branch that stands at `expectedHead`, signed by the forge as the token's user. `contents` is base64. Gives its object id and its tree's. Throws `forge/branch-moved` too.
   * Absent where the forge's API makes no signed commits, or none on an expected head only.
   */
  createCommit?(commit: {
    readonly branch: string;
    readonly expectedHead: string;
    readonly headline: string;
    readonly body: string;
    readonly additions: readonly { readonly path: string; readonly contents: string }[];
    readonly deletions: readonly string[];
  }): Promise<{ readonly sha: string; readonly tree: string }>;
  /** Makes the release page of a tag; one that is there already is left as it is and its address returned. Absent where the forge has no such pages. */
  createRelease?(release: {
    readonly tag: string;
    readonly title: string;
    readonly notes: string;
    readonly prerelease: boolean;
    readonly draft: boolean;
  }): Promise<{ readonly url: string }>;
}

/** A forge that also judges signatures and has release pages. */
export type FullForge = Forge & Required<Pick<Forge, 'readVerifications' | 'createRelease'>>;

/** A place beside the log where a CI host shows findings in the change itself: Bitbucket's Code Insights. Throws as Forge does. */
export interface Insights {
  /** Replaces what an earlier run showed of the same tool at the same commit. */
  publish(report: {
    readonly sha: string;
    readonly tool: string;
    readonly passed: boolean;
    readonly summary: string;
    /** Worst first; the host may show fewer. */
    readonly findings: readonly Finding[];
    /** How many there are in all. */
    readonly total: number;
    readonly url?: string;
  }): Promise<void>;
}
