export { doctorSpec } from './doctor-spec.ts';
export {
  type ExaminationPorts,
  type ExaminationRequest,
  examineHost,
  readExamination,
} from './examine-host.ts';
export { type Level, levels, needsCluster, readSmokeRequest, type SmokeRequest } from './request.ts';
export { type SmokePorts, smokeTestGpu } from './smoke-test.ts';
export { spec } from './spec.ts';
