/** One GPU as the driver tells it. */
export interface Gpu {
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  readonly driver: string;
  /** Undefined where the driver does not tell (`[N/A]`). */
  readonly memoryMiB?: number;
  /** `8.9`; undefined on drivers before 510, which do not tell. */
  readonly computeCapability?: string;
}

/** What `parseGpus` reads: `nvidia-smi --query-gpu=<these> --format=csv,noheader,nounits`. */
export const gpuQuery: readonly string[] = [
  'index',
  'uuid',
  'name',
  'driver_version',
  'memory.total',
  'compute_cap',
];

/** Reads the CSV of `gpuQuery`. Lines of another shape (warnings that nvidia-smi mixes in) are passed over. */
export function parseGpus(csv: string): readonly Gpu[] {
  return csv.split(/\r?\n/).flatMap((line) => {
    const cells = line.split(',').map((cell) => cell.trim());
    const [index, uuid, ...rest] = cells;
    if (cells.length < gpuQuery.length || !/^\d+$/.test(index ?? '') || !uuid) return [];
    const [computeCapability, memory, driver] = rest.reverse();
    const name = rest.slice(3).reverse().join(', ');
    const memoryMiB = Number.parseInt(memory ?? '', 10);
    return [
      {
        index: Number(index),
        uuid,
        name,
        driver: driver ?? '',
        ...(Number.isNaN(memoryMiB) ? {} : { memoryMiB }),
        ...(/^\d+\.\d+$/.test(computeCapability ?? '')
          ? { computeCapability: computeCapability as string }
          : {}),
      },
    ];
  });
}

/** The newest CUDA version that the driver supports, from the head of plain `nvidia-smi`; undefined where it tells none. */
export function parseCudaVersion(text: string): string | undefined {
  return /CUDA Version\s*:\s*(\d+\.\d+)/.exec(text)?.[1];
}

/** UUIDs of the GPUs (and MIG slices) that `nvidia-smi -L` lists: `GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-…)`. */
export function parseGpuList(text: string): readonly string[] {
  return [
    ...text.matchAll(/^\s*(?:GPU \d+|MIG .+Device\s+\d+): .*\(UUID: ((?:GPU|MIG)-[0-9a-fA-F-]+)\)/gm),
  ].map(([, uuid]) => uuid ?? '');
}

/** Why nvidia-smi could not talk to a GPU. */
export type SmiFailure =
  | 'no-device'
  | 'driver-not-loaded'
  | 'driver-mismatch'
  | 'blocked-by-windows'
  | 'driver-libraries-missing'
  | 'driver-failed';

const knownFailures: readonly (readonly [RegExp, SmiFailure])[] = [
  [/No devices were found/i, 'no-device'],
  [/Driver\/library version mismatch/i, 'driver-mismatch'],
  [/GPU access blocked by the operating system/i, 'blocked-by-windows'],
  [/couldn'?t find .*libnvidia-ml|libnvidia-ml\.so/i, 'driver-libraries-missing'],
  [/couldn'?t communicate with the NVIDIA driver/i, 'driver-not-loaded'],
];

/** Recognises what nvidia-smi says when it fails. */
export function explainSmiFailure(output: string): SmiFailure {
  return knownFailures.find(([pattern]) => pattern.test(output))?.[1] ?? 'driver-failed';
}
