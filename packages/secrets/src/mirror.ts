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

/** What to make scannable: commits as they are, whole trees, and single files of merge commits, and pieces of files. */
export interface MirrorContent {
  readonly heads: readonly string[];
  /** Whole trees, each to become one parentless commit, by the commit they are of. */
  readonly trees: ReadonlyMap<string, string>;
  readonly files: ReadonlyMap<string, readonly { readonly path: string; readonly blob: string }[]>;
  readonly parts: readonly Part[];
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
  const inMirror = (args: readonly string[], input?: Uint8Array) =>
    git.run([`--git-dir=${path}`, ...args], input === undefined ? {} : { input });
  // A path with a newline cannot be expressed here: git then finds no objects and fails.
  await files.write(join(path, 'objects/info/alternates'), `${objects}\n`);
  await inMirror(['fast-import', '--quiet', '--force'], renderImport(content));
  const refs = await inMirror(['for-each-ref', '--format=%(objectname) %(refname)', 'refs/zakenak/for/']);
  const standIns = new Map<string, StandIn>();
  for (const line of refs.stdout.split('\n').filter(Boolean)) {
    const [id = '', ref = ''] = line.split(' ');
    const [commit = '', index] = ref.slice('refs/zakenak/for/'.length).split('/');
    const part = index === undefined ? undefined : content.parts[Number(index)];
    standIns.set(
      id,
      part
        ? { commit: part.change.commit, path: part.change.path, linesBefore: part.line - 1 }
        : { commit, linesBefore: 0 },
    );
  }
  return { path, standIns };
}

/** The stream for git fast-import. Paths are byte strings (latin1). */
export function renderImport({ heads, trees, files, parts: pieces }: MirrorContent): Uint8Array {
  const parts = heads.map((head, index) => `reset refs/zakenak/head/${index}\nfrom ${head}\n\n`);
  for (const [commit, tree] of trees) parts.push(`${commitHeader(commit)}M 040000 ${tree} ""\n\n`);
  for (const [commit, entries] of files) {
    parts.push(commitHeader(commit));
    for (const { path, blob } of entries) parts.push(`M 100644 ${blob} ${quote(path)}\n`);
    parts.push('\n');
  }
  const texts = pieces.flatMap(({ change, text }, index) => [
    Buffer.from(
      `${commitHeader(`part/${index}`)}M 100644 inline ${quote(readableName(change.name))}\ndata ${text.length}\n`,
      'latin1',
    ),
    text,
    Buffer.from('\n\n'),
  ]);
  return Buffer.concat([Buffer.from(parts.join(''), 'latin1'), ...texts]);
}

function commitHeader(standsFor: string): string {
  return `commit refs/zakenak/for/${standsFor}\ncommitter scan <> 0 +0000\ndata ${standsFor.length}\n${standsFor}\n`;
}

function quote(path: string): string {
  return `"${path.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}
