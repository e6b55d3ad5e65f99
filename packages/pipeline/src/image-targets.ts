import { posix } from 'node:path';
import type { BuildConfig, Config } from '@zakenak/config';
import { type ChangedFile, nearest } from '@zakenak/core';
import { isLoopback, parseImageName } from '@zakenak/images';
import type { Setting } from './bind.ts';
import { ambiguousContext, noImages, noRegistry, unknownImage } from './errors.ts';
import { pickEnvironment } from './settings.ts';

/** One image to build. */
export interface ImageTarget {
  /** Name under `build` of zakenak.yaml, or the image's own. */
  readonly name: string;
  /** The image without tag. */
  readonly repository: string;
  /** The release whose values get the digest, and where in them. */
  readonly release: string;
  readonly valuesPath: string;
  /** Workspace-relative folder. */
  readonly context: string;
  /** What zakenak.yaml says for the engine's inputs. */
  readonly inputs: Readonly<Record<string, Setting>>;
}

/** What of the inputs chooses the images. */
interface Choice {
  readonly only: readonly string[];
  readonly image: readonly string[];
  readonly environment?: string | undefined;
  readonly push: boolean;
  readonly context: string;
  readonly file?: string | undefined;
  readonly target?: string | undefined;
  readonly 'values-file'?: string | undefined;
}

/** The named image, or the images of zakenak.yaml. Throws `pipeline/no-images`, `unknown-image`, `no-registry`, `ambiguous-context`, `image/bad-input`. */
export function chooseImages(choice: Choice, config: Config | undefined): readonly ImageTarget[] {
  const [first] = choice.image;
  if (first !== undefined) {
    const insecure = choice.image.every((name) => isLoopback(parseImageName(name).host));
    const inputs = { ...(insecure ? { 'insecure-registry': true } : {}) };
    const context = posix.normalize(choice.context);
    return [{ name: first, repository: first, release: '', valuesPath: 'image', context, inputs }];
  }
  const entries = selectEntries(choice.only, config?.build ?? []);
  const singular = [choice.file, choice.target, choice['values-file']].some((text) => text !== undefined);
  if (entries.length > 1 && (singular || choice.context !== '.'))
    throw ambiguousContext(entries.map(({ name }) => name));
  return entries.map((entry) => describe(entry, choice, config));
}

function selectEntries(only: readonly string[], entries: readonly BuildConfig[]): readonly BuildConfig[] {
  if (entries.length === 0) throw noImages();
  const known = entries.map(({ name }) => name);
  for (const name of only) if (!known.includes(name)) throw unknownImage(name, known, nearest(name, known));
  return only.length === 0 ? entries : entries.filter(({ name }) => only.includes(name));
}

function describe(entry: BuildConfig, choice: Choice, config: Config | undefined): ImageTarget {
  const environment = pickEnvironment(config, choice.environment)?.environment;
  const registry = environment?.registry ?? config?.registry;
  if (choice.push && entry.image === undefined && registry === undefined) throw noRegistry(entry.name);
  const repository = entry.image ?? (registry ? `${registry.replace(/\/+$/, '')}/${entry.name}` : entry.name);
  const args = { ...entry.args, ...environment?.buildArgs };
  const dockerfile = entry.dockerfile ? posix.join(entry.context, entry.dockerfile) : undefined;
  return {
    name: entry.name,
    repository: parseImageName(repository).name,
    release: entry.release ?? entry.name,
    valuesPath: entry.valuesPath ?? 'image',
    context: posix.normalize(entry.context),
    inputs: {
      image: repository,
      context: entry.context,
      file: dockerfile,
      target: entry.target,
      platforms: entry.platforms,
      'build-args': Object.entries(args).map(([name, value]) => `${name}=${value}`),
      ...(isLoopback(parseImageName(repository).host) ? { 'insecure-registry': true } : {}),
    },
  };
}

/** The images whose context holds a changed path. */
export function skipUnchanged(
  targets: readonly ImageTarget[],
  changed: readonly ChangedFile[],
): readonly ImageTarget[] {
  const paths = changed.flatMap(({ path, from }) => (from ? [path, from] : [path]));
  return targets.filter(({ context }) => {
    const folder = context.replace(/\/+$/, '');
    return paths.some((path) => folder === '.' || path === folder || path.startsWith(`${folder}/`));
  });
}
