import type { CiEvent, Ports } from '@zakenak/core';

/** The commit that an image is built from. */
export interface Source {
  /** Full object id. */
  readonly revision: string;
  /** Commit time in seconds since 1970: SOURCE_DATE_EPOCH (reproducible-builds.org). */
  readonly epoch: number;
}

/** Asks git for the commit; undefined outside a repository, where nothing gives a reproducible time. */
export async function readSource(
  event: CiEvent | undefined,
  ports: Pick<Ports, 'process' | 'files'>,
  signal?: AbortSignal,
): Promise<Source | undefined> {
  const head = event?.headSha;
  // A pull request's shallow checkout has only the merge commit, not the head that the event names.
  const revisions = head !== undefined && /^[0-9a-f]{40,64}$/.test(head) ? [head, 'HEAD'] : ['HEAD'];
  for (const revision of revisions) {
    const args = [
      ...['-c', 'core.hooksPath=/dev/null', 'show', '--no-patch', '--no-show-signature'],
      ...['--format=%H %ct', revision, '--'],
    ];
    const command = { program: 'git', args, cwd: ports.files.root };
    const { exitCode, stdout } = await ports.process.run(command, signal);
    const [, sha, seconds] = /^([0-9a-f]{40,64}) (\d+)$/m.exec(stdout) ?? [];
    if (exitCode === 0 && sha !== undefined) return { revision: sha, epoch: Number(seconds) };
  }
  return undefined;
}

/** OCI's pre-defined annotation keys as labels (image-spec, annotations.md), the user's own last. */
export function imageLabels(
  source: Source | undefined,
  repositoryUrl: string | undefined,
  own: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  const labels = new Map<string, string>();
  if (source) {
    labels.set(
      'org.opencontainers.image.created',
      new Date(source.epoch * 1000).toISOString().replace('.000', ''),
    );
    labels.set('org.opencontainers.image.revision', source.revision);
  }
  if (repositoryUrl !== undefined) labels.set('org.opencontainers.image.source', repositoryUrl);
  for (const [name, value] of own) labels.set(name, value);
  return [...labels].sort(([a], [b]) => (a < b ? -1 : 1));
}
