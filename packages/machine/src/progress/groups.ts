import { escapeCommandData } from '@zakenak/core';
import { cleanLine } from './words.ts';

/** How a CI host folds lines; `plain`: it does not. */
export type GroupStyle = 'github' | 'gitlab' | 'azure' | 'plain';

/** The markers around foldable lines. */
export interface GroupMarkers {
  /** Opens a group that began at `since`; a title cannot smuggle in a marker of its own. */
  open(title: string, since: Date): string;
  close(until: Date): string;
}

/**
 * GitHub: `::group::` (docs.github.com, workflow commands); GitLab: sections with the times that it shows (docs.gitlab.com, job logs, custom collapsible
 * sections), folded from the start; Azure: `##[group]` (learn.microsoft.com, formatting commands). `scope` makes GitLab's names unique in a job.
 */
export function createGroupMarkers(style: Exclude<GroupStyle, 'plain'>, scope: string): GroupMarkers {
  if (style === 'github')
    return {
      open: (title) => `::group::${escapeCommandData(cleanLine(title))}\n`,
      close: () => '::endgroup::\n',
    };
  if (style === 'azure')
    return { open: (title) => `##[group]${cleanLine(title)}\n`, close: () => '##[endgroup]\n' };
  let count = 0;
  const name = () => `zakenak_${scope.replace(/[^A-Za-z0-9]/g, '')}_${count}`;
  const seconds = (date: Date) => Math.floor(date.getTime() / 1_000);
  return {
    open: (title, since) => {
      count += 1;
      return `\u001b[0Ksection_start:${seconds(since)}:${name()}[collapsed=true]\r\u001b[0K${cleanLine(title)}\n`;
    },
    close: (until) => `\u001b[0Ksection_end:${seconds(until)}:${name()}\r\u001b[0K\n`,
  };
}
