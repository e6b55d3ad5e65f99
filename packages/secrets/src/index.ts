export type { ScanSecretsRequest } from './request.ts';
export { type ScanSecretsPorts, scanSecrets } from './scan-secrets.ts';
export { spec } from './spec.ts';
