import { join } from 'node:path';
import type { Ports } from '@zakenak/core';

/** A bare repository that borrows the objects of the user's and has refs, settings and attributes of its own. */
export interface Mirror {
  /** Absolute path. */
  readonly path: string;
  /** Commits made only for the scan, by id, with the commit each one stands for. */
  readonly standIns: ReadonlyMap<string, string>;
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
  const inMirror = (args: readonly string[], input?: Uint8Array) =>
    git.run([`--git-dir=${path}`, ...args], input === undefined ? {} : { input });
  // A path with a newline cannot be expressed here: git then finds no objects and fails.
  await files.write(join(path, 'objects/info/alternates'), `${objects}\n`);
  await inMirror(['fast-import', '--quiet', '--force'], renderImport(content));
  const refs = await inMirror(['for-each-ref', '--format=%(objectname) %(refname)', 'refs/zakenak/for/']);
  const standIns = new Map(
    refs.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [id = '', ref = ''] = line.split(' ');
        return [id, ref.slice('refs/zakenak/for/'.length)] as const;
      }),
  );
  return { path, standIns };
}

/** Whether any commit of the mirror adds a line of text: where none does, gitleaks rightly scans none. */
export async function addsText(
  mirror: string,
  selection: readonly string[],
  git: Ports['git'],
): Promise<boolean> {
  const { stdout } = await git.run([
    `--git-dir=${mirror}`,
    'log',
    '--numstat',
    '-z',
    '--format=',
    ...selection,
  ]);
  return /(^|\0)\n*[1-9][0-9]*\t/.test(stdout);
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

function commitHeader(standsFor: string): string {
  return `commit refs/zakenak/for/${standsFor}\ncommitter scan <> 0 +0000\ndata ${standsFor.length}\n${standsFor}\n`;
}

function quote(path: string): string {
  return `"${path.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}
