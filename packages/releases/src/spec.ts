import { defineSpec } from '@zakenak/core';

/** Inputs and outputs of the `release` action and verb. */
export const spec = defineSpec({
  name: 'release',
  verb: 'release',
  summary: 'Next version from Conventional Commits, changelog, notes and tags.',
  details:
    'The version follows from the commits since the last reachable version tag: a breaking change raises major, feat minor; fix, perf, ' +
    'deps and revert raise patch. Below 1.0.0 a breaking change raises minor; 1.0.0 itself comes only by `release-as`. A commit and its ' +
    'revert in the same release cancel out. The changelog commit, the immutable version tag and the floating tags reach the remote in ' +
    'one atomic push: all of them or none.',
  example: 'zakenak release --dry-run',
  inputs: {
    branch: { type: 'string', description: 'The branch that releases are made from.', default: 'main' },
    remote: { type: 'string', description: 'The remote that is pushed to.', default: 'origin' },
    'tag-prefix': { type: 'string', description: 'Text before the version in tags.', default: 'v' },
    'initial-version': {
      type: 'string',
      description: 'The version of the first release, where no version tag exists.',
      default: '0.1.0',
    },
    'release-as': {
      type: 'string',
      description: 'This exact version instead of the one that follows from the commits.',
    },
    prerelease: {
      type: 'string',
      description: 'Make a prerelease with this identifier: `rc` gives 1.3.0-rc.1, then 1.3.0-rc.2.',
    },
    'floating-tags': {
      type: 'choice',
      choices: ['off', 'major', 'major-minor'],
      description: 'Also move v1 (major) or v1 and v1.2 (major-minor) to the release.',
      default: 'off',
    },
    changelog: {
      type: 'string',
      description: 'The changelog to prepend to and commit, or `off`.',
      default: 'CHANGELOG.md',
    },
    committer: {
      type: 'string',
      description:
        'Who makes the commit and the tag, as `Name <address>`; git’s own setting where not given.',
    },
    sign: {
      type: 'boolean',
      description: 'Sign the commit and the tag with the key that git is set up with.',
      default: false,
    },
    push: {
      type: 'boolean',
      description: 'Push; otherwise commit and tags stay in this clone.',
      default: true,
    },
    'create-release': { type: 'boolean', description: 'Make the forge’s release page too.', default: false },
    draft: { type: 'boolean', description: 'Make the release page as a draft.', default: false },
    'dry-run': { type: 'boolean', description: 'Only say what would be released.', default: false },
  },
  outputs: {
    released: { description: '`true` when this run made or finished a release.' },
    version: { description: 'The next version, or the last one where there is nothing to release.' },
    'previous-version': { description: 'The version before, empty on the first release.' },
    tag: { description: 'The version’s tag.' },
    sha: { description: 'The commit that the tag names.' },
    changelog: { description: 'The release notes as Markdown.' },
    'release-url': { description: 'Address of the forge’s release page.' },
  },
});
