export { createGit } from './git.ts';
export { resolveRange, resolveRangeSince } from './range.ts';
