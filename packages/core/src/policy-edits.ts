import type { ChangedFile } from './ports/git.ts';

/** What a change edits of the files that it is judged by, folders with all below them: the edit counts only once it is merged, and the reader is told. */
export function tellPolicyEdits(
  paths: readonly string[],
  changes: readonly ChangedFile[],
): readonly string[] {
  const touched = changes.flatMap(({ path, from }) => (from === undefined ? [path] : [path, from]));
  return paths
    .filter((path) => touched.some((at) => at === path || at.startsWith(`${path}/`)))
    .map((path) => `The change edits ${path}; the base branch’s was used.`);
}
