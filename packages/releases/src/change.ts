import { CommitParser } from 'conventional-commits-parser';

/** One commit as the version and the changelog see it. */
export interface Change {
  /** Full object id. */
  readonly sha: string;
  /** `feat`, `fix`, …; undefined where the message is no Conventional Commit. */
  readonly type: string | undefined;
  readonly scope: string | undefined;
  /** The description after the colon, or the whole first line. */
  readonly subject: string;
  readonly breaking: boolean;
  /** What BREAKING CHANGE footers say, one text each. */
  readonly breakingNotes: readonly string[];
  /** Object ids (full or abbreviated) that the commit takes back. */
  readonly reverts: readonly string[];
}

const longestMessage = 65_536;

const parser = new CommitParser({
  headerPattern: /^(\w[\w-]*)(?:\(([^()\r\n]+)\))?(!)?:[ \t]+(.+)$/,
  headerCorrespondence: ['type', 'scope', 'mark', 'subject'],
  noteKeywords: ['BREAKING CHANGE', 'BREAKING-CHANGE'],
  // The library's own pattern ignores case; the specification's rule 15 wants this one in capitals.
  notesPattern: (keywords) => new RegExp(`^(${keywords}):[ \\t]+(.*)`),
});

/** Reads one commit message by conventionalcommits.org 1.0.0, and git's own revert messages. Never throws: what does not fit has no type. */
export function parseChange(sha: string, message: string): Change {
  const text = message.slice(0, longestMessage).replaceAll('\r\n', '\n').trim();
  const header = text.split('\n', 1)[0] ?? '';
  const gitRevert = /^Revert "(.*)"$/.exec(header);
  const parsed = text === '' ? undefined : parser.parse(text);
  const type = gitRevert ? 'revert' : (parsed?.type?.toLowerCase() ?? undefined);
  const notes = (parsed?.notes ?? []).map((note) => note.text.replace(/\s+/g, ' ').trim());
  return {
    sha,
    type,
    scope: parsed?.scope?.trim() || undefined,
    subject: gitRevert?.[1] ?? parsed?.subject?.trim() ?? header,
    breaking: type !== undefined && (parsed?.mark === '!' || notes.length > 0),
    breakingNotes: notes.filter((note) => note !== ''),
    reverts: type === 'revert' ? revertedShas(text) : [],
  };
}

/** Leaves out each change that a later one in the list takes back, and the taking back. `changes` are newest first. */
export function settleReverts(changes: readonly Change[]): readonly Change[] {
  const gone = new Set<string>();
  for (const [index, change] of changes.entries()) {
    if (gone.has(change.sha) || change.reverts.length === 0) continue;
    const older = changes.slice(index + 1);
    const targets = change.reverts.map((id) => older.find((candidate) => candidate.sha.startsWith(id)));
    // A revert of something that was released before stands as a change of its own.
    if (!targets.every((target) => target !== undefined)) continue;
    gone.add(change.sha);
    for (const target of targets) gone.add(target.sha);
  }
  return changes.filter((change) => !gone.has(change.sha));
}

function revertedShas(text: string): readonly string[] {
  const body = text.split('\n').slice(1).join('\n');
  const byGit = [...body.matchAll(/This reverts commit ([0-9a-f]{7,64})/g)].map((match) => match[1] ?? '');
  const byFooter = [...body.matchAll(/^Refs: *([0-9a-f]{7,64}(?: *, *[0-9a-f]{7,64})*)$/gm)].flatMap(
    (match) => (match[1] ?? '').split(/ *, */),
  );
  return [...byGit, ...byFooter];
}
