export { createGit } from './git.ts';
export { resolveRange } from './range.ts';
