export { type Document, escapePointer, type Position, parseDocument } from './document.ts';
export { type ResolvedEnvironment, resolveEnvironment } from './environment.ts';
export { InvalidConfigError } from './errors.ts';
export { type ParsedConfig, parseConfig, readConfig } from './parse.ts';
export {
  type BuildConfig,
  type Config,
  configSchema,
  type EnvironmentConfig,
  type PolicyConfig,
  type ReleaseConfig,
  renderConfigJsonSchema,
  type SmokeConfig,
} from './schema.ts';
