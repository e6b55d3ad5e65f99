export { createSystemClock } from './clock.ts';
export { createFiles } from './files.ts';
export { createHttp } from './http.ts';
export { createLog, createProgressLines, type LogOptions, type ProgressOptions } from './log.ts';
export {
  describeSelf,
  identify,
  isAlive,
  isGone,
  type ProcessIdentity,
  signalProcess,
  waitForEnd,
} from './process-identity.ts';
export { createProcessRunner } from './process-runner.ts';
