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
  const list = async () => [...(await comments.list())].sort((one, other) => one - other);
  const before = await list();
  const created = before.length === 0 ? await comments.create() : undefined;
  const [kept, ...others] = created === undefined ? before : await list();
  if (kept === undefined) return created ?? 0;
  if (kept !== created) await comments.update(kept);
  for (const id of others) await comments.remove(id);
  return kept;
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
