import type { Ports } from '@zakenak/core';

/** Whether a template, or a value that is rendered as one, calls Helm's `lookup`. */
export function looksUp(text: string): boolean {
  return /\blookup\s+(?:\\?["`]|[$.(])/.test(text);
}

/**
 * Flags that have `helm template` look objects up in the cluster, as `helm upgrade` does. Helm 4 then also refuses a first install over objects without its annotations, which is ours to judge.
 */
export function lookupFlags({ leads }: Ports['kube']['target'], isDeployed: boolean): readonly string[] {
  if (!leads) return [];
  return [
    '--dry-run=server',
    ...(isDeployed ? [] : ['--take-ownership']),
    ...(leads.kubeconfig ? ['--kubeconfig', leads.kubeconfig] : []),
    ...(leads.context ? ['--kube-context', leads.context] : []),
  ];
}

/** What helm says where it cannot look up for the sake of a kind that the cluster does not serve yet, or of its own age (before 3.17). */
export function cannotLookUp(stderr: string): boolean {
  return /no matches for kind|unable to get apiresource|unknown flag: --take-ownership/.test(stderr);
}

/** Told of a release whose objects were rendered as if its lookups had found nothing. */
export function lookupRemarks(
  releases: readonly { readonly rendered: { readonly name: string; readonly unlooked?: boolean } }[],
): readonly string[] {
  return releases
    .filter(({ rendered }) => rendered.unlooked)
    .map(
      ({ rendered }) =>
        `${rendered.name}: what its templates look up in the cluster counted as absent, since kinds of it are not served yet.`,
    );
}
