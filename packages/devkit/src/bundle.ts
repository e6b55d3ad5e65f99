import { cpSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, join } from 'node:path';
import { exitCodes } from '@zakenak/core';
import { build, type Plugin } from 'esbuild';

/** What a build made. */
export interface Bundle {
  readonly folder: string;
  /** Bytes of the shared bundle, all chunks together. */
  readonly bytes: number;
  readonly files: readonly string[];
}

/**
 * Bundles the command line and all actions into one set of chunks that every action's stub of a few lines loads, as the release tags carry it.
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
    // What a run does not need, it does not read: each dynamic import is a file of its own.
    splitting: true,
    chunkNames: '[name]-[hash]',
    platform: 'node',
    target: `node${oldestNode}`,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    legalComments: 'eof',
    sourcemap: false,
    minify: false,
    logLevel: 'error',
    plugins: [plainBuiltins],
    define: { __ZAKENAK_VERSION__: JSON.stringify(version) },
    // CommonJS packages ask for Node's modules in their own way.
    banner: {
      js: "import { createRequire as zakenakRequire } from 'node:module';\nconst require = zakenakRequire(import.meta.url);",
    },
  });
  writeStubs(root, folder);
  // What the toolchain builds from source where nothing can be downloaded.
  for (const source of globSync('packages/*/go/*', { cwd: root }))
    cpSync(join(root, source), join(folder, 'go', basename(source)), { recursive: true });
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const files = globSync('**/*', { cwd: folder }).filter((file) => statSync(join(folder, file)).isFile());
  const bytes = files
    .filter((file) => file.endsWith('.mjs'))
    .reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  return { folder, bytes, files: files.sort() };
}

/**
 * Node's own modules as objects. An import of one makes Node read every export that it has, and with them what is loaded only where it is used: of node:http undici, 14 ms
 * of every start.
 */
const plainBuiltins: Plugin = {
  name: 'plain-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?[a-z_/]+$/ }, ({ path, kind }) => {
      if (kind !== 'import-statement' || !isBuiltin(path)) return undefined;
      return { path: path.replace(/^(node:)?/, 'node:'), namespace: 'builtin' };
    });
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

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
      stub(`import('../zakenak.mjs').then(({ runAction }) => runAction(${JSON.stringify(name)}));`),
    );
  }
  mkdirSync(join(folder, 'bin'));
  // Inside a package of modules an extensionless file would be taken for one.
  writeFileSync(join(folder, 'bin/package.json'), '{ "type": "commonjs" }\n');
  writeFileSync(
    join(folder, 'bin/zakenak'),
    `#!/usr/bin/env node\n${stub("import('../zakenak.mjs').then(({ runCli }) => runCli(process.argv.slice(2)));")}`,
    { mode: 0o755 },
  );
}

function stub(call: string): string {
  return `'use strict';\n${nodeCheck}${compileCache}${call}\n`;
}

const oldestNode = 24;

// In words that every Node understands, before anything is read that an old one does not.
const nodeCheck = `if (parseInt(process.versions.node, 10) < ${oldestNode}) {
  console.error('zakenak needs Node ${oldestNode} or later; this is ' + process.version + '.\\n  remedy: Install a current Node (https://nodejs.org) and put it first on the PATH.');
  process.exit(${exitCodes.missing});
}
`;

// V8's code of the bundle is kept between runs: start-up is mostly compilation. In a folder of this user's: the shared temporary one is everybody's.
const compileCache = `const { join } = require('node:path');
const { ZAKENAK_CACHE_DIR, XDG_CACHE_HOME } = process.env;
const cache = ZAKENAK_CACHE_DIR || join(XDG_CACHE_HOME || join(require('node:os').homedir(), '.cache'), 'zakenak');
require('node:module').enableCompileCache?.(join(cache, 'compiled'));
`;
