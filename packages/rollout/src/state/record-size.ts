import { recordTooLarge } from '../errors.ts';
import { encodeRelease, type HelmChart, type HelmRelease } from './helm-release.ts';

/** Bytes of `data` that the API server lets a Secret have (kubernetes: pkg/apis/core, MaxSecretSize); our own base64 counts. */
const largest = 1_048_576;
/** What later states of a record may add: a description, and how its hooks went. */
const reserve = 16_384;

/** What a record can do without: neither `helm rollback` nor `helm get`, nor a rollback of ours, reads it. */
const spare = [
  { leftOut: '', change: {} },
  { leftOut: 'the chart’s files', change: { files: [] } },
  { leftOut: 'the chart’s files and templates', change: { files: [], templates: [] } },
  {
    leftOut: 'the chart’s files, templates and schema',
    change: { files: [], templates: [], schema: null },
  },
] as const;

/** A chart as a record can hold it, and what of it is left out, in words; empty where nothing is. */
export interface RecordedChart {
  readonly chart: HelmChart;
  readonly leftOut: string;
}

/**
 * What of a release's chart its record will hold, with room for what is written into it later. Costs one JSON text where that is small. Throws ZakenakError
 * `rollout/record-too-large`.
 */
export function chartForRecord(release: HelmRelease): RecordedChart {
  return fit(release, largest - reserve, (candidate) => {
    // Unpacked it is a third larger than its JSON in base64; packed, never by so much.
    const bound = (Buffer.byteLength(JSON.stringify(candidate)) * 4) / 3;
    return bound < (largest - reserve) * 0.8 ? bound : encodeRelease(candidate).length;
  });
}

/** The text of a record that the API server takes. Throws as `chartForRecord` does. */
export function encodeRecord(release: HelmRelease): string {
  let text = '';
  fit(release, largest, (candidate) => {
    text = encodeRelease(candidate);
    return text.length;
  });
  return text;
}

function fit(
  release: HelmRelease,
  limit: number,
  measure: (candidate: HelmRelease) => number,
): RecordedChart {
  let size = 0;
  for (const { leftOut, change } of spare) {
    const chart = { ...release.chart, ...change };
    size = measure({ ...release, chart });
    if (size <= limit) return { chart, leftOut };
  }
  throw recordTooLarge(release.name, size, limit);
}

/** What the records of a plan leave out, one sentence each. */
export function recordRemarks(
  releases: readonly {
    readonly planned: { readonly name: string };
    readonly recorded?: RecordedChart;
  }[],
): readonly string[] {
  return releases.flatMap(({ planned, recorded }) =>
    recorded?.leftOut
      ? [
          `Helm’s record of ${planned.name} leaves out ${recorded.leftOut}: it would be over 1 MiB. helm get, history and rollback do not need them.`,
        ]
      : [],
  );
}
