export { createSystemClock } from './clock.ts';
export { createFiles } from './files.ts';
export { createHttp } from './http.ts';
export { createLog, createProgressLines, type LogOptions, type ProgressOptions } from './log.ts';
export { createProcessRunner } from './process-runner.ts';
