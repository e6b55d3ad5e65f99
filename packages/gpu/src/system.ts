/** The Linux a machine runs. */
export interface SystemFacts {
  /** `ubuntu`, `debian`… from os-release's ID. */
  readonly distribution: string;
  readonly version: string;
  /** `5.15.153.1-microsoft-standard-WSL2`. */
  readonly kernel: string;
  readonly wsl2: boolean;
}

/** Reads /etc/os-release (https://www.freedesktop.org/software/systemd/man/latest/os-release.html) and /proc/version. */
export function parseSystem(osRelease: string, procVersion: string): SystemFacts {
  const field = (name: string) => new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(osRelease)?.[1] ?? '';
  const kernel = /^Linux version (\S+)/.exec(procVersion)?.[1] ?? '';
  return {
    distribution: field('ID'),
    version: field('VERSION_ID'),
    kernel,
    wsl2: /microsoft.*WSL2/i.test(kernel),
  };
}

/** Free bytes from `df -Pk PATH` (POSIX: 1024-byte blocks, the fourth column of the second line). */
export function parseFreeBytes(text: string): number | undefined {
  const blocks = Number(text.trim().split('\n').at(1)?.trim().split(/\s+/).at(3));
  return Number.isFinite(blocks) ? blocks * 1024 : undefined;
}
