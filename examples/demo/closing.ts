import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Closing, renderHtmlPage, renderMarkdownPage } from './report-page.ts';
import { type Chapter, seconds } from './screen.ts';
import type { Image } from './story.ts';

/** Writes report.md and report.html into the folder and returns their paths. */
export function writePages(folder: string, chapters: readonly Chapter[], image: Image): readonly string[] {
  const closing = describeTruth(image);
  const pages = {
    'report.md': renderMarkdownPage(chapters, closing),
    'report.html': renderHtmlPage(chapters, closing),
  };
  return Object.entries(pages).map(([name, text]) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  });
}

/** The demo's last words: what was real, what was not, how long it took, where the report lies. */
export function renderEnd(
  chapters: readonly Chapter[],
  image: Image,
  where: readonly string[],
  durationMs: number,
): string {
  const { real, simulated, leftOut } = describeTruth(image);
  const width = Math.max(...chapters.map(({ title }) => title.length));
  const time = (title: string, milliseconds: number) =>
    `  ${title.padEnd(width)}  ${seconds(milliseconds).padStart(5)} s`;
  const block = (title: string, lines: readonly string[]) => [title, ...lines.map((line) => `  ${line}`)];
  return [
    ...['', '== The end', ...block('Real:', real), ...block('Simulated:', simulated)],
    ...block('Left out:', leftOut),
    ...[
      'Times:',
      ...chapters.map((chapter) => time(chapter.title, chapter.durationMs)),
      time('all', durationMs),
    ],
    ...[...block('Report:', where), ''],
  ].join('\n');
}

function describeTruth({ reference }: Image): Closing {
  return {
    real: [
      'the Git repository, its SSH signatures, the findings, Helm’s rendering, Kubernetes’ schemas',
      'etcd, API server, controllers and scheduler of Kubernetes, and the registry',
      ...(reference ? [`the image ${reference}: built, pushed, read back by its digest`] : []),
      'plans, server-side applies, Helm’s release records, waits and the rollback',
    ],
    simulated: [
      'the node: its pods ran no container; “ready” and the crash are what the simulation says',
      'its two GPUs: counted and scheduled, never computed on',
      'GitHub: the pull requests’ events were made here, and no forge was asked',
    ],
    leftOut: [
      ...(reference ? [] : ['the image: no builder works here for this user; the chart’s own was deployed']),
      'the scan of the image for vulnerabilities, which needs a database from the internet',
    ],
  };
}
