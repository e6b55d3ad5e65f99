export type { VerifyCommitsRequest } from './request.ts';
export { setupSigning } from './setup-signing.ts';
export { signByForge } from './sign-by-forge.ts';
export { signCommits } from './sign-commits.ts';
export { type SignSpec, signSpec } from './sign-spec.ts';
export { spec } from './spec.ts';
export { type VerifyCommitsPorts, verifyCommits } from './verify-commits.ts';
