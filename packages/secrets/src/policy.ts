import { join, posix } from 'node:path';
import type { Ports } from '@zakenak/core';
import { type Baseline, parseBaseline } from './baseline.ts';
import { policyMissing } from './errors.ts';
import type { ScanSecretsRequest } from './request.ts';
import { spec } from './spec.ts';

/** What the scan is judged by. */
export interface Policy {
  /** Absolute paths of copies: gitleaks never reads the workspace's own. */
  readonly config: string;
  readonly ignoreFile: string;
  /** Finds that .gitleaksignore names: `path:rule:line`, or with the commit before it. */
  readonly ignored: ReadonlySet<string>;
  readonly baseline: Baseline | undefined;
  /** The configuration and what it extends; undefined where some of it lies out of our sight. */
  readonly configurations: readonly string[] | undefined;
  /** All that gitleaks is configured by; undefined where some of it lies out of our sight. */
  readonly texts: readonly string[] | undefined;
}

const builtIn = '[extend]\nuseDefault = true\n';
const ignorePath = '.gitleaksignore';
// gitleaks itself follows two.
const deepestExtension = 2;

/** Copies configuration and ignore file into `folder`, and reads the baseline: from `policyRevision` where one is given, else from the workspace. */
export async function readPolicy(
  request: ScanSecretsRequest,
  folder: string,
  ports: Pick<Ports, 'git' | 'files'>,
): Promise<Policy> {
  const read = (path: string) => readPolicyFile(path, request.policyRevision, ports);
  const configText = await read(request['gitleaks-config']);
  if (configText === undefined && request['gitleaks-config'] !== spec.inputs['gitleaks-config'].default)
    throw policyMissing(request['gitleaks-config'], request.policyRevision);
  const config = join(folder, 'gitleaks.toml');
  await ports.files.write(config, configText ?? builtIn);
  const extensions = await copyExtensions(configText ?? '', folder, read, ports);
  const ignoreText = (await read(ignorePath)) ?? '';
  const ignoreFile = join(folder, 'gitleaksignore');
  // What it names is left out here: gitleaks would take lines of a piece for lines of the file.
  await ports.files.write(ignoreFile, '');
  const baselineText = await read(request.baseline);
  const configurations = [configText ?? builtIn, ...extensions];
  // An absolute path is read where it lies, and may say something else the next time.
  const isOutside = configurations.some((text) => /path\s*=\s*["']{1,3}\//.test(text));
  return {
    configurations: isOutside ? undefined : configurations,
    texts: isOutside ? undefined : [...configurations, ignoreText],
    config,
    ignoreFile,
    ignored: new Set(ignoreText.split('\n').map(normalizeIgnored)),
    baseline: baselineText === undefined ? undefined : parseBaseline(baselineText, request.baseline),
  };
}

async function readPolicyFile(
  path: string,
  revision: string | undefined,
  { git, files }: Pick<Ports, 'git' | 'files'>,
): Promise<string | undefined> {
  const absolute = await files.resolve(path);
  if (revision !== undefined) return git.readFile(revision, posix.normalize(path));
  return (await files.stat(absolute)) === undefined ? undefined : files.readText(absolute);
}

/** gitleaks reads `[extend] path` from its working folder, which is ours: what the configuration extends has to lie there too. */
async function copyExtensions(
  config: string,
  folder: string,
  read: (path: string) => Promise<string | undefined>,
  { files }: Pick<Ports, 'files'>,
): Promise<readonly string[]> {
  const texts: string[] = [];
  let text = config;
  for (let depth = 0; depth < deepestExtension; depth++) {
    const path = /^\[extend\][^[]*?^\s*path\s*=\s*["']([^"'\n]+)["']/ms.exec(text)?.[1];
    if (path === undefined || path.startsWith('/') || posix.normalize(path).startsWith('..')) return texts;
    const extended = await read(path);
    if (extended === undefined) return texts;
    texts.push(extended);
    await files.write(join(folder, path), extended);
    text = extended;
  }
  return texts;
}

/** As gitleaks reads a line: the path may be written with backslashes. */
function normalizeIgnored(line: string): string {
  const parts = line.trim().split(':');
  const path = parts.length === 3 ? 0 : parts.length === 4 ? 1 : undefined;
  return parts.map((part, index) => (index === path ? part.replaceAll('\\', '/') : part)).join(':');
}
