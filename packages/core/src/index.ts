export { countBefore } from './count-before.ts';
export * from './digest.ts';
export * from './error.ts';
export * from './finding.ts';
export * from './first-few.ts';
export { assertLightGlob } from './light-glob.ts';
export * from './limiter.ts';
export { nearest } from './nearest.ts';
export { tellPolicyEdits } from './policy-edits.ts';
export type * from './ports/files.ts';
export type * from './ports/forge.ts';
export type * from './ports/git.ts';
export type {
  ApplyOptions,
  KubeApi,
  KubeMetadata,
  KubeObject,
  KubeRef,
  KubeResource,
  KubeSelector,
  KubeWarning,
  KubeWatchEvent,
  KubeWatchSelector,
} from './ports/kube.ts';
export { KubeStatusError } from './ports/kube.ts';
export type * from './ports/log.ts';
export type * from './ports/machine.ts';
export type * from './ports/ports.ts';
export type * from './ports/process.ts';
export * from './quantity.ts';
export * from './redactor.ts';
export * from './render/annotations.ts';
export * from './render/code-quality.ts';
export {
  escapeAzureData,
  escapeAzureProperty,
  escapeCommandData,
  escapeCommandProperty,
  escapeMarkdown,
  escapeTerminal,
  escapeTerminalLine,
  inlineCode,
  neutralizeCommands,
} from './render/escape.ts';
export * from './render/json.ts';
export * from './render/junit.ts';
export * from './render/markdown.ts';
export * from './render/sarif.ts';
export * from './render/secret-detection.ts';
export * from './render/terminal.ts';
export * from './report.ts';
export * from './run-event.ts';
export * from './severity.ts';
export * from './simulated.ts';
export * from './spec.ts';
export * from './tag-progress.ts';
