export { type AzureForgeOptions, createAzureForge } from './azure/forge.ts';
export { type BitbucketForgeOptions, createBitbucketForge } from './bitbucket/forge.ts';
export { type BitbucketInsightsOptions, createBitbucketInsights } from './bitbucket/insights.ts';
export { detectHost } from './detect.ts';
export type { Environment } from './environment.ts';
export { createGithubForge, type GithubForgeOptions } from './github/forge.ts';
export { createGitlabForge, type GitlabForgeOptions } from './gitlab/forge.ts';
