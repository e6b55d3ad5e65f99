import type { ParsedConfig } from '@zakenak/config';
import type { CiEvent, CommitRange, Forge, KubeApi, Ports } from '@zakenak/core';

/** What a verb may ask of its shell: the ports, and what has to be looked up or connected first. Everything is looked up at most once per run. */
export interface RunContext {
  readonly ports: Omit<Ports, 'kube' | 'forge'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** What happened on the forge. */
  event(): Promise<CiEvent>;
  /** The commits to judge: those of the event, or since `base`. Throws what the range's resolution throws: shallow clone, unknown base. */
  range(base?: string): Promise<CommitRange>;
  /** zakenak.yaml of the checkout. Throws `config/not-found` and its other errors. */
  config(path?: string): Promise<ParsedConfig>;
  /** zakenak.yaml of that revision, else of the base commit on a pull request, merge request or merge group (policy is never read from the change it judges), else of the checkout; undefined where there is none. */
  policyConfig(from?: { readonly revision?: string | undefined }): Promise<ParsedConfig | undefined>;
  /** A cluster; `context` 'current' or nothing takes the kubeconfig's current one. */
  connect(target: { readonly kubeconfig?: string; readonly context?: string }): Promise<KubeApi>;
  /** The forge's API, undefined where no token or no forge is there. */
  forge(): Promise<Forge | undefined>;
  /** Absolute path of a folder of JSON schemas for a Kubernetes version, fetched and checked at first use. */
  schemaFolder(kubernetesVersion: string): Promise<string>;
  /** Absolute path of the folder that is kept between runs on this machine. */
  readonly cacheFolder: string;
  /** This process, and whether one that described itself so on this machine is gone. */
  readonly identity: { readonly self: string; isGone(description: string): boolean };
  /** One line about the tool's own version. */
  readonly version: string;
}
