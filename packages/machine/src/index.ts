export { createSystemClock } from './clock.ts';
export { createFiles } from './files.ts';
export { createHttp } from './http.ts';
export { createLog, type LogOptions } from './log.ts';
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
export { descriptorOf, type EventFile, openEventFile } from './progress/event-file.ts';
export { createEventStream, type EventStream } from './progress/event-stream.ts';
export type { GroupStyle } from './progress/groups.ts';
export { createProgressLines } from './progress/lines.ts';
