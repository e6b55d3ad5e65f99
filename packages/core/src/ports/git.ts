/** A path that differs between two commits. */
export interface ChangedFile {
  readonly path: string;
  readonly status: 'added' | 'modified' | 'deleted' | 'renamed';
  /** The path before a rename. */
  readonly from?: string;
}

/** The commits under judgement: everything reachable from `head` and not from any of `bases`. */
export interface CommitRange {
  /** Full object ids; empty: the whole history of head (a first push without a default branch to compare with). */
  readonly bases: readonly string[];
  readonly head: string;
  /** Why this range, in words: `pull request #4 against main`. */
  readonly reason: string;
}

/**
 * The repository, through git with hooks off and only full object ids or checked ref names as revisions. Throws ZakenakError `git/not-a-repository`,
 * `git/shallow-clone`, `git/unknown-revision`, `git/empty-repository`, `git/failed`.
 */
export interface Git {
  /** Full object id of a commit; annotated tags are peeled, and a branch that is not here is origin's. */
  resolve(revision: string): Promise<string>;
  /** Name of the branch, undefined when HEAD is detached. */
  currentBranch(): Promise<string | undefined>;
  isShallow(): Promise<boolean>;
  mergeBase(a: string, b: string): Promise<string | undefined>;
  /** Full object ids, newest first. */
  commits(range: CommitRange): Promise<readonly string[]>;
  /** Paths that differ from the merge base of bases and head, of this folder and below it. */
  changedFiles(range: CommitRange): Promise<readonly ChangedFile[]>;
  /** The text at a revision of a file of this folder, undefined where it is not there. */
  readFile(revision: string, path: string): Promise<string | undefined>;
  /** Tags that match a glob, with the commit each one points to. */
  tags(pattern?: string): Promise<readonly { readonly name: string; readonly commit: string }[]>;
  /** Any other git command, hardened alike; throws `git/failed` on a non-zero exit unless `allowFailure`. */
  run(
    args: readonly string[],
    options?: {
      readonly input?: string | Uint8Array;
      readonly encoding?: 'utf8' | 'latin1';
      readonly allowFailure?: boolean;
      /** It speaks to a remote that the user named, which may be a folder of this machine; otherwise git opens no repository by its path. */
      readonly ownRemote?: boolean;
      readonly maxOutputBytes?: number;
      /** As of a Command: gets stdout as it arrives. */
      readonly onChunk?: (chunk: Uint8Array) => void;
    },
  ): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>;
}
