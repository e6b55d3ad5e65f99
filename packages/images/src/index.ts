export { buildImage, type ImagePorts } from './build-image.ts';
export { type ImageName, isLoopback, parseImageName } from './reference.ts';
export { type Credentials, confirmDigest } from './registry.ts';
export type { BuildImageRequest } from './request.ts';
export { type ScanTarget, scanImage, writeSbom } from './scan.ts';
export { parseScanReport, type Scanner } from './scan-report.ts';
export { spec } from './spec.ts';
export { deriveTags } from './tags.ts';
export { writeDigest } from './values-digest.ts';
