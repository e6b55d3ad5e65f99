import type { CiEvent } from '@zakenak/core';

const semverTag = /(?:^|[-/])v?((\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?)(?:\+[0-9A-Za-z.-]+)?$/;

/**
 * The references that an event gives an image, by docker/metadata-action's usual rules: a version tag gives 1.2.3, 1.2, 1 (not below 1.0.0) and
 * latest, a prerelease only itself; a branch gives its name and the commit; a pull request pr-4; everything else the commit.
 */
export function deriveTags(event: CiEvent, image: string): readonly string[] {
  return tagsOf(event).map((tag) => `${image}:${tag}`);
}

function tagsOf(event: CiEvent): readonly string[] {
  const commit = event.headSha === undefined ? [] : [`sha-${event.headSha.slice(0, 7)}`];
  if (event.kind === 'tag' && event.tag !== undefined) return versionTags(event.tag);
  if (event.kind === 'pull-request' && event.pullRequest) return [`pr-${event.pullRequest.number}`];
  if (event.kind === 'merge-group' || event.headBranch === undefined)
    return commit.length > 0 ? commit : ['latest'];
  return [slug(event.headBranch), ...commit];
}

function versionTags(tag: string): readonly string[] {
  const [, version, major, minor, , prerelease] = semverTag.exec(tag) ?? [];
  if (version === undefined) return [slug(tag)];
  if (prerelease !== undefined) return [version];
  const lines = major === '0' ? [`${major}.${minor}`] : [`${major}.${minor}`, `${major}`];
  return [version, ...lines, 'latest'];
}

/** A branch or tag name as an image tag. */
function slug(name: string): string {
  const text = name.replace(/[^\w.-]+/g, '-').replace(/^[.-]+/, '');
  return text.slice(0, 128) || 'unnamed';
}
