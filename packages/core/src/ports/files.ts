/** What `stat` tells. */
export interface FileStat {
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
}

/** A folder that disappears when disposed of. */
export interface TemporaryFolder extends AsyncDisposable {
  /** Absolute path. */
  readonly path: string;
}

/**
 * The file system, bound to one workspace. Relative paths are taken from the workspace's root and confined to it (also through symbolic
 * links); absolute paths are taken as they are, so pass every path that a user gave through `resolve` first.
 * Throws ZakenakError `files/outside-workspace`, `files/not-found`, `files/read-only`, `files/unreadable`.
 */
export interface Files {
  /** Absolute path of the workspace. */
  readonly root: string;
  /** Absolute path of a user's path, inside the workspace also when symbolic links are followed. */
  resolve(path: string): Promise<string>;
  readText(path: string): Promise<string>;
  readBytes(path: string): Promise<Uint8Array>;
  /** Writes whole or not at all (temporary file, fsync, rename); makes missing folders. */
  write(path: string, content: string | Uint8Array, options?: { readonly mode?: number }): Promise<void>;
  /** Undefined where nothing is. Does not follow a symbolic link at the end of the path. */
  stat(path: string): Promise<FileStat | undefined>;
  /**
   * POSIX paths relative to the workspace (or to `cwd`) of the files that match any glob, sorted; never below .git or node_modules. With `links`
   * symbolic links are told too, as the links that they are, and node_modules is a folder like another: everything that a program finds that reads the
   * folder, .git alone as one entry without what is below it.
   */
  glob(
    patterns: readonly string[],
    options?: { readonly cwd?: string; readonly links?: boolean },
  ): Promise<readonly string[]>;
  makeFolder(path: string): Promise<void>;
  /** Removes a file or a folder with all in it; nothing to remove is no error. */
  remove(path: string): Promise<void>;
  temporaryFolder(prefix: string): Promise<TemporaryFolder>;
}
