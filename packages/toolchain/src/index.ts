export { type Download, type GoRoute, manifest, type ToolEntry, type ToolName } from './manifest.ts';
export {
  cacheFolder,
  createToolchain,
  type Toolchain,
  type ToolchainOptions,
  type ToolDescription,
} from './toolchain.ts';
