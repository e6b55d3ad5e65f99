import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bundle } from './bundle.ts';
import { actionSpecs } from './generate.ts';
import { type Archive, renderGitlabImage, renderGitlabTemplate } from './gitlab-pages.ts';

/** What a release publishes. */
export interface Pack {
  readonly archive: Archive;
  /** `zakenak-VERSION.tgz`. */
  readonly fileName: string;
}

/**
 * Writes a release into `folder`, emptied first: the archive with the command and all actions and its SHA256SUMS; under gitlab-templates the
 * components that name the archive by its digest; under actions one tree for each action's own repository. `address` is where the archive will
 * lie. The same sources give the same bytes. Runs GNU tar.
 */
export async function pack(root: string, folder: string, version: string, address: string): Promise<Pack> {
  rmSync(folder, { recursive: true, force: true });
  const tree = join(folder, 'zakenak');
  await bundle(root, tree, version);
  const fileName = `zakenak-${version}.tgz`;
  const bytes = gzipSync(tar(folder, 'zakenak'), { level: 9 });
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  writeFileSync(join(folder, fileName), bytes);
  writeFileSync(join(folder, 'SHA256SUMS'), `${sha256}  ${fileName}\n`);
  const archive = { url: `${address.replace(/\/$/, '')}/${fileName}`, sha256 };
  for (const { name } of await actionSpecs(root)) writeActionTree(root, folder, name);
  await writeGitlabTree(root, join(folder, 'gitlab-templates'), archive);
  return { archive, fileName };
}

/** One owner, group and time, sorted names, no locale: nothing of the machine goes in. */
function tar(cwd: string, name: string): Buffer {
  const args = ['--create', '--sort=name', '--format=ustar', '--mtime=@0', '--owner=0', '--group=0'];
  return execFileSync('tar', [...args, '--numeric-owner', '--mode=u+rwX,go+rX,go-w', name], {
    cwd,
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 64 << 20,
  });
}

/** The tree of `zakenak/<action>`: the bundle, with that action's metadata at the root. */
function writeActionTree(root: string, folder: string, name: string): void {
  const tree = join(folder, 'actions', name);
  cpSync(join(folder, 'zakenak'), tree, { recursive: true });
  const metadata = readFileSync(join(tree, name, 'action.yml'), 'utf8');
  writeFileSync(join(tree, 'action.yml'), metadata.replace('main: main.cjs', `main: ${name}/main.cjs`));
  cpSync(join(root, 'actions', name, 'README.md'), join(tree, 'README.md'));
}

async function writeGitlabTree(root: string, folder: string, archive: Archive): Promise<void> {
  const write = (path: string, text: string) => {
    mkdirSync(join(folder, path), { recursive: true });
    writeFileSync(join(folder, path, path === 'image' ? 'Dockerfile' : 'template.yml'), text);
  };
  write('image', renderGitlabImage(archive));
  for (const spec of await actionSpecs(root)) write(spec.name, renderGitlabTemplate(spec, archive));
}
