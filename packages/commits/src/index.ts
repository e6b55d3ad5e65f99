export type { VerifyCommitsRequest } from './request.ts';
export { setupSigning, signSetupSpec } from './setup-signing.ts';
export { spec } from './spec.ts';
export { type VerifyCommitsPorts, verifyCommits } from './verify-commits.ts';
