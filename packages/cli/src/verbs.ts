import type { Verb } from '@zakenak/pipeline';

/** How a verb is loaded: nothing of it is read before it is asked for. */
const loaders: Readonly<Record<string, () => Promise<Verb>>> = {
  check: async () => (await import('@zakenak/pipeline/verbs/check')).checkVerb,
  lint: async () => (await import('@zakenak/pipeline/verbs/lint')).lintVerb,
  secrets: async () => (await import('@zakenak/pipeline/verbs/secrets')).secretsVerb,
  verify: async () => (await import('@zakenak/pipeline/verbs/verify')).verifyVerb,
  build: async () => (await import('@zakenak/pipeline/verbs/build')).buildVerb,
  plan: async () => (await import('@zakenak/pipeline/verbs/rollout')).planVerb,
  deploy: async () => (await import('@zakenak/pipeline/verbs/rollout')).deployVerb,
  converge: async () => (await import('@zakenak/pipeline/verbs/converge')).convergeVerb,
  status: async () => (await import('@zakenak/pipeline/verbs/rollout')).statusVerb,
  history: async () => (await import('@zakenak/pipeline/verbs/state')).historyVerb,
  audit: async () => (await import('@zakenak/pipeline/verbs/state')).auditVerb,
  unlock: async () => (await import('@zakenak/pipeline/verbs/state')).unlockVerb,
  sync: async () => (await import('@zakenak/pipeline/verbs/sync')).syncVerb,
  rollback: async () => (await import('@zakenak/pipeline/verbs/rollout')).rollbackVerb,
  smoke: async () => (await import('@zakenak/pipeline/verbs/smoke')).smokeVerb,
  doctor: async () => (await import('@zakenak/pipeline/verbs/doctor')).doctorVerb,
  release: async () => (await import('@zakenak/pipeline/verbs/release')).releaseVerb,
  sign: async () => (await import('@zakenak/pipeline/verbs/sign')).signVerb,
  init: async () => (await import('@zakenak/pipeline/verbs/init')).initVerb,
  sandbox: async () => (await import('./sandbox-verb.ts')).sandboxVerb,
};

/** Names of the verbs in the order of the chain. */
export const verbNames: readonly string[] = Object.keys(loaders);

/** The verb of that name; undefined where there is none. */
export async function loadVerb(name: string): Promise<Verb | undefined> {
  return Object.hasOwn(loaders, name) ? loaders[name]?.() : undefined;
}

/** Every verb. */
export async function verbs(): Promise<readonly Verb[]> {
  return Promise.all(Object.values(loaders).map((load) => load()));
}

/** Actions by folder, to the verb that each one runs. */
const actions: Readonly<Record<string, string>> = {
  'lint-helm': 'lint',
  'scan-secrets': 'secrets',
  'sign-verify-commits': 'verify',
  'build-push-image': 'build',
  plan: 'plan',
  'deploy-to-wsl2-runner': 'deploy',
  'gpu-smoke-test': 'smoke',
  release: 'release',
  pipeline: 'check',
};

/** The verb that an action's folder stands for; undefined for an unknown one. */
export async function loadAction(name: string): Promise<Verb | undefined> {
  return loadVerb(Object.hasOwn(actions, name) ? (actions[name] ?? '') : '');
}
