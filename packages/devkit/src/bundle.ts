import { cpSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

/** What a build made. */
export interface Bundle {
  readonly folder: string;
  /** Bytes of the one shared bundle. */
  readonly bytes: number;
  readonly files: readonly string[];
}

/**
 * Bundles the command line and all actions into one file that every action's stub of a few lines loads, as the release tags carry it.
 * Reproducible: no absolute path, time or machine name goes in. `folder` is emptied first; `version` is the workspace's where none is given.
 */
export async function bundle(
  root: string,
  folder: string,
  version: string = readVersion(root),
): Promise<Bundle> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await build({
    absWorkingDir: root,
    // The sandbox's supervisor is a process of its own, found beside the bundle.
    entryPoints: { zakenak: 'packages/cli/src/bundle.ts', supervise: 'packages/sandbox/src/supervise.ts' },
    outdir: folder,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    legalComments: 'external',
    sourcemap: false,
    minify: false,
    keepNames: true,
    logLevel: 'error',
    define: {
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
      'import.meta.url': '__zakenak_url',
      __ZAKENAK_VERSION__: JSON.stringify(version),
    },
    banner: { js: "const __zakenak_url = require('node:url').pathToFileURL(__filename).href;" },
  });
  writeStubs(root, folder);
  // What the toolchain builds from source where nothing can be downloaded.
  for (const source of globSync('packages/*/go/*', { cwd: root }))
    cpSync(join(root, source), join(folder, 'go', basename(source)), { recursive: true });
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const files = globSync('**/*', { cwd: folder }).filter((file) => statSync(join(folder, file)).isFile());
  return { folder, bytes: statSync(join(folder, 'zakenak.cjs')).size, files: files.sort() };
}

function readVersion(root: string): string {
  const text = readFileSync(join(root, 'packages/cli/package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** `<action>/action.yml` with a main that hands over to the shared bundle, and the `zakenak` command. */
function writeStubs(root: string, folder: string): void {
  for (const path of globSync('actions/*/action.yml', { cwd: root })) {
    const name = path.split('/')[1] ?? '';
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(
      join(folder, name, 'action.yml'),
      readFileSync(join(root, path), 'utf8').replace('src/main.ts', 'main.cjs'),
    );
    writeFileSync(
      join(folder, name, 'main.cjs'),
      stub(`require('../zakenak.cjs').runAction(${JSON.stringify(name)});`),
    );
  }
  mkdirSync(join(folder, 'bin'));
  writeFileSync(
    join(folder, 'bin/zakenak'),
    `#!/usr/bin/env node\n${stub("require('../zakenak.cjs').runCli(process.argv.slice(2));")}`,
    { mode: 0o755 },
  );
}

function stub(call: string): string {
  // The compile cache keeps V8's code of the bundle between runs: start-up is mostly compilation.
  return `'use strict';\nrequire('node:module').enableCompileCache?.();\n${call}\n`;
}
