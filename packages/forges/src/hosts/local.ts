import type { CiHost } from '@zakenak/core';
import type { Environment } from '../environment.ts';

/** A laptop: no forge behind it, inputs come as flags, outputs stay in the report. */
export function createLocalHost(_env: Environment, workspace: string): CiHost {
  return {
    name: 'local',
    capabilities: { annotationsPerLevel: 0, summary: false, groups: false, masks: false },
    workspace,
    readEvent: async () => ({ kind: 'local' }),
    readInput: () => undefined,
    setOutput: async () => {},
    appendSummary: async () => {},
    mask: () => {},
  };
}
