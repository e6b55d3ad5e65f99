import { exitCodes, ZakenakError } from '@zakenak/core';

/** A named folder is no chart. */
export function noChart(path: string): ZakenakError {
  return new ZakenakError({
    code: 'charts/no-chart',
    message: `There is no Chart.yaml in '${path}'.`,
    remedy: "Set 'charts' to folders that hold a Chart.yaml.",
    exitCode: exitCodes.badInput,
  });
}

/** No chart anywhere. */
export function noneFound(folders: readonly string[]): ZakenakError {
  return new ZakenakError({
    code: 'charts/none-found',
    message: `There is no chart below ${folders.join(', ')}.`,
    remedy: "Set 'chart-dirs' to the folders that hold your charts.",
    exitCode: exitCodes.badInput,
  });
}

/** A values file without wildcards is not there. */
export function missingValues(chart: string, path: string): ZakenakError {
  return new ZakenakError({
    code: 'charts/missing-values',
    message: `The chart '${chart}' has no values file '${path}'.`,
    remedy: "Add the file, or change 'values'.",
    exitCode: exitCodes.badInput,
  });
}

/** An entry of `kubernetes-versions` that names no version. */
export function badVersions(entry: string): ZakenakError {
  return new ZakenakError({
    code: 'charts/bad-versions',
    message: `'${entry}' names no Kubernetes version.`,
    remedy:
      "Name versions in 'kubernetes-versions' as 1.34.4, as 1.34, or as a range of minor versions such as 1.31-1.34.",
    exitCode: exitCodes.badInput,
  });
}

/** Schemas that would have to come over the network. */
export function remoteSchemas(location: string): ZakenakError {
  return new ZakenakError({
    code: 'charts/remote-schemas',
    message: `The schema location '${location}' is not in the repository.`,
    remedy:
      'Commit the schemas that you need and name their folder; those of Kubernetes are there already, and those of CustomResourceDefinitions in crd-dirs.',
    exitCode: exitCodes.badInput,
  });
}

/** A schema location that leads to no schema. */
export function missingSchemas(location: string): ZakenakError {
  return new ZakenakError({
    code: 'charts/missing-schemas',
    message: `The schema location '${location}' leads to no JSON schema.`,
    remedy:
      'Name a folder with .json files, or a path template such as schemas/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json.',
    exitCode: exitCodes.badInput,
  });
}

/** kubeconform did not give a judgement. */
export function schemaCheckFailed(reason: string): ZakenakError {
  return new ZakenakError({
    code: 'charts/schema-check-failed',
    message: `kubeconform could not check the manifests: ${reason}`,
    remedy: 'Run the same command again with ZAKENAK_DEBUG=1 and report what it prints.',
    exitCode: exitCodes.outside,
  });
}

/** A check that does not exist. */
export function unknownCheck(name: string, known: readonly string[], near: string | undefined): ZakenakError {
  return new ZakenakError({
    code: 'charts/unknown-check',
    message: `There is no check '${name}'${near ? `; '${near}' is one` : ''}.`,
    remedy: `Take names from ${known.join(', ')}; a minus before a name leaves it out.`,
    exitCode: exitCodes.badInput,
  });
}

/** A line of the ignore file that says nothing. */
export function badIgnoreFile(path: string, line: number): ZakenakError {
  return new ZakenakError({
    code: 'charts/bad-ignore-file',
    message: `${path}:${line} is no rule and path.`,
    remedy: 'Write `charts/RULE PATH-GLOB` on each line; a comment begins with #.',
    exitCode: exitCodes.badInput,
  });
}

/** The baseline cannot be read. */
export function badBaseline(path: string, why: string): ZakenakError {
  return new ZakenakError({
    code: 'charts/bad-baseline',
    message: `The baseline ${path} is not usable: ${why}.`,
    remedy: 'Restore it from Git, or delete it and write it anew with --update-baseline.',
    exitCode: exitCodes.badInput,
  });
}
