export { detectHost } from './detect.ts';
export type { Environment } from './environment.ts';
export { createGithubForge, type GithubForgeOptions } from './github/forge.ts';
export { createGitlabForge, type GitlabForgeOptions } from './gitlab/forge.ts';
