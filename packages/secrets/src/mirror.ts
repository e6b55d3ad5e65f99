import { join } from 'node:path';
import type { Ports } from '@zakenak/core';
import { readableName } from './changes.ts';
import type { Part } from './large-files.ts';

/** A bare repository that borrows the objects of the user's and has refs, settings and attributes of its own. */
export interface Mirror {
  /** Absolute path. */
  readonly path: string;
  /** Commits made only for the scan, by id. */
  readonly standIns: ReadonlyMap<string, StandIn>;
}

/** What a commit made for the scan is there for. */
export interface StandIn {
  readonly commit: string;
  /** The file's path, where the commit's is another. */
  readonly path?: string;
  /** Lines of the file before the one that it begins with. */
  readonly linesBefore: number;
}

/** What to make scannable: commits as they are, whole trees, and single files of merge commits. */
export interface MirrorContent {
  readonly heads: readonly string[];
  /** Whole trees, each to become one parentless commit, by the commit they are of. */
  readonly trees: ReadonlyMap<string, string>;
  readonly files: ReadonlyMap<string, readonly { readonly path: string; readonly blob: string }[]>;
}

/**
 * Makes the mirror inside `folder`. In a bare repository no .gitattributes of the change can declare a file binary and so hide it, no hook, filter,
 * external diff or replacement runs, and no .gitleaks.toml or .gitleaksignore of the change lies beside it.
 */
export async function makeMirror(
  folder: string,
  content: MirrorContent,
  { git, files }: Pick<Ports, 'git' | 'files'>,
): Promise<Mirror> {
  const path = join(folder, 'mirror.git');
  const { stdout } = await git.run([
    'rev-parse',
    '--path-format=absolute',
    '--git-path',
    'objects',
    '--show-object-format',
  ]);
  const [objects = '', format = 'sha1'] = stdout.split('\n');
  await git.run(['init', '--quiet', '--bare', '--template=', `--object-format=${format}`, path]);
  // A path with a newline cannot be expressed here: git then finds no objects and fails.
  await files.write(join(path, 'objects/info/alternates'), `${objects}\n`);
  const standsFor = content.trees.size + content.files.size > 0 ? 'refs/zakenak/for/' : undefined;
  const imported = await importInto(path, renderImport(content), standsFor, git);
  const standIns = [...imported].map(([name, id]) => [id, { commit: name, linesBefore: 0 }] as const);
  return { path, standIns: new Map(standIns) };
}

/** git log's arguments for the commits of parts. */
export const partsOnly = ['--no-walk=unsorted', '--glob=refs/zakenak/part/*'];

/** Makes one commit of each part, and returns them by their ids. */
export async function addParts(
  { path }: Mirror,
  parts: readonly Part[],
  git: Ports['git'],
): Promise<ReadonlyMap<string, StandIn>> {
  if (parts.length === 0) return new Map();
  const imported = await importInto(path, renderParts(parts), 'refs/zakenak/part/', git);
  const standIns = [...imported].flatMap(([index, id]) => {
    const part = parts[Number(index)];
    const { commit, path: file } = part?.change ?? {};
    return part && commit
      ? [[id, { commit, ...(file ? { path: file } : {}), linesBefore: part.line - 1 }] as const]
      : [];
  });
  return new Map(standIns);
}

/** The ids of the commits below `prefix`, by the rest of their names; none without one. */
async function importInto(
  path: string,
  stream: Uint8Array,
  prefix: string | undefined,
  git: Ports['git'],
): Promise<ReadonlyMap<string, string>> {
  await git.run([`--git-dir=${path}`, 'fast-import', '--quiet', '--force'], { input: stream });
  if (prefix === undefined) return new Map();
  const args = ['for-each-ref', '--format=%(objectname) %(refname)', prefix];
  const { stdout } = await git.run([`--git-dir=${path}`, ...args]);
  const refs = stdout.split('\n').filter(Boolean);
  return new Map(
    refs.map((line) => [line.slice(line.indexOf(prefix) + prefix.length), line.split(' ')[0] ?? '']),
  );
}

/** The stream for git fast-import. Paths are byte strings (latin1). */
export function renderImport({ heads, trees, files }: MirrorContent): Uint8Array {
  const parts = heads.map((head, index) => `reset refs/zakenak/head/${index}\nfrom ${head}\n\n`);
  for (const [commit, tree] of trees) parts.push(`${commitHeader(commit)}M 040000 ${tree} ""\n\n`);
  for (const [commit, entries] of files) {
    parts.push(commitHeader(commit));
    for (const { path, blob } of entries) parts.push(`M 100644 ${blob} ${quote(path)}\n`);
    parts.push('\n');
  }
  return Buffer.from(parts.join(''), 'latin1');
}

function renderParts(parts: readonly Part[]): Uint8Array {
  const texts = parts.flatMap(({ change, text }, index) => {
    const file = `M 100644 inline ${quote(readableName(change.name))}\ndata ${text.length}\n`;
    const header = commitHeader(String(index), 'refs/zakenak/part/');
    return [Buffer.from(`${header}${file}`, 'latin1'), text, Buffer.from('\n\n')];
  });
  return Buffer.concat(texts);
}

function commitHeader(standsFor: string, prefix = 'refs/zakenak/for/'): string {
  return `commit ${prefix}${standsFor}\ncommitter scan <> 0 +0000\ndata ${standsFor.length}\n${standsFor}\n`;
}

function quote(path: string): string {
  return `"${path.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}
