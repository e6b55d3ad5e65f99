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

/** Words of Go's network and TLS packages, and statuses that say nothing of the chart. */
const isAway =
  /\bdial (?:tcp|udp|unix)|: (?:unexpected )?EOF|connection re(?:set|fused)|broken pipe|i\/o timeout|timeout exceeded|handshake timeout|deadline exceeded|tls: |x509: |(?:status code| :) (?:408|429|5\d\d)\b/i;
const isTurnedAway = /(?:status code| :) (?:401|403)\b/;

/** A chart that helm did not get; `reason` is its own word. */
export function notFetched(chart: string, reason: string): ZakenakError {
  const message = `The chart '${chart}' was not fetched: ${reason}`;
  if (isTurnedAway.test(reason))
    return new ZakenakError({
      code: 'helm/unauthorized',
      message,
      remedy:
        'Log in with an account that may read it: `helm registry login`, `docker login`, or `helm repo add --username`.',
      exitCode: exitCodes.outside,
    });
  if (isAway.test(reason))
    return new ZakenakError({
      code: 'helm/unreachable',
      message,
      remedy:
        'Check the address, the network and the registry’s or repository’s state, then run the same command again; a dependency may lie in the chart too: run `helm dependency build` there and commit charts/.',
      exitCode: exitCodes.outside,
    });
  return new ZakenakError({
    code: 'helm/not-fetched',
    message,
    remedy:
      'Check the address, the name and the version; a dependency may lie in the chart too: run `helm dependency build` there and commit charts/.',
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
