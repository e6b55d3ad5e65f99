import { exitCodes, ZakenakError } from '@zakenak/core';

/** A chart that cannot be found or read. */
export function badChart(chart: string, reason: string): ZakenakError {
  return new ZakenakError({
    code: 'helm/bad-chart',
    message: `The chart '${chart}' cannot be read: ${reason}`,
    remedy:
      'Mend what is told of it, or package it anew (`helm package`): a chart is a folder with a Chart.yaml, a whole .tgz, an oci:// reference, or a chart of `repo`.',
    exitCode: exitCodes.badInput,
  });
}

/** A chart that helm did not get; `reason` is its own word. */
export function notFetched(chart: string, reason: string): ZakenakError {
  return new ZakenakError({
    code: 'helm/not-fetched',
    message: `The chart '${chart}' was not fetched: ${reason}`,
    remedy:
      'Check the address, the version and the network; a dependency may lie in the chart too: run `helm dependency build` there and commit charts/.',
    exitCode: exitCodes.badInput,
  });
}

/** A lock that does not hold what the chart asks for; `dependency`: its name and range. */
export function staleChartLock(chart: string, lock: string, dependency: string): ZakenakError {
  return new ZakenakError({
    code: 'helm/chart-lock',
    message: `The ${lock} of the chart '${chart}' has no version of the dependency ${dependency}.`,
    remedy: 'Run `helm dependency update` in the chart’s folder, and commit its lock.',
    exitCode: exitCodes.badInput,
  });
}

/** Subcharts of which helm renders now the one, now the other; `found` are their paths in the chart. */
export function ambiguousSubchart(chart: string, name: string, found: readonly string[]): ZakenakError {
  return new ZakenakError({
    code: 'helm/ambiguous-subchart',
    message: `The chart '${chart}' holds more than one '${name}', of which helm renders now the one, now the other: ${found.join(', ')}.`,
    remedy:
      'Leave one of them in charts/, or name in Chart.yaml a version for each that only one of them has.',
    exitCode: exitCodes.badInput,
  });
}
