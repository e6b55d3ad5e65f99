/** The comments of a pull request that this token's user wrote with our marker. */
export interface OwnComments {
  /** Their ids, of all pages. */
  list(): Promise<readonly number[]>;
  /** Gives the new one's id. */
  create(): Promise<number>;
  update(id: number): Promise<unknown>;
  /** One that is gone already is no error. */
  remove(id: number): Promise<unknown>;
}

/**
 * Writes the one comment and gives its id: the oldest is replaced, others are removed. Two jobs that find none at once both make one; each looks again
 * after that, so whichever was later sees both, writes into the older and removes its own.
 */
export async function keepOneComment(comments: OwnComments): Promise<number> {
  const before = await comments.list();
  const created = before.length === 0 ? [await comments.create()] : [];
  // A forge may not list yet what it has just made.
  const own = created.length === 0 ? before : new Set([...created, ...(await comments.list())]);
  const [kept, ...others] = [...own].sort((one, other) => one - other);
  if (kept !== undefined && !created.includes(kept)) await comments.update(kept);
  for (const id of others) await comments.remove(id);
  return kept ?? 0;
}

/** The text at the forge's limit in UTF-16 code units, saying that it was cut. */
export function cutComment(body: string, limit: number): string {
  const note = '\n\n_Cut at the forge’s limit: the whole report is in the run’s artefacts._';
  return body.length <= limit ? body : head(body, limit - note.length) + note;
}

/** The text at a limit in UTF-16 code units, ending in an ellipsis where it was cut. */
export function shorten(text: string, limit: number): string {
  return text.length <= limit ? text : `${head(text, limit - 1)}…`;
}

/** Half a surrogate pair is no text: forges refuse it. */
function head(text: string, length: number): string {
  return text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');
}
