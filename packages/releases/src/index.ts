export { type Change, parseChange, settleReverts } from './change.ts';
export { prependSection, readSection, renderNotes } from './changelog.ts';
export { planRelease, type ReleasePlan, type ReleaseRequest } from './plan.ts';
export { type ReleasePorts, release } from './release.ts';
export { spec } from './spec.ts';
export { type Bump, bumpOf, floatingTags, nextVersion } from './version.ts';
