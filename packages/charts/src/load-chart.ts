import { posix } from 'node:path';
import { createFinding, type Finding, type Location, type Ports, ZakenakError } from '@zakenak/core';
import { type PullChart, type ReadChart, readChart } from '@zakenak/helm';
import type { Chart } from './chart.ts';
import { placeDependency } from './dependency-place.ts';

/** What each refusal of the loader is to a chart's author. */
const rules: Readonly<Record<string, string>> = {
  'helm/bad-chart': 'charts/unreadable-chart',
  'helm/not-fetched': 'charts/missing-dependencies',
  'helm/unauthorized': 'charts/missing-dependencies',
  'helm/unreachable': 'charts/missing-dependencies',
  'helm/chart-lock': 'charts/stale-lock',
  'helm/ambiguous-subchart': 'charts/ambiguous-subchart',
  'files/outside-workspace': 'charts/link-outside',
};

/** A chart with the dependencies that it lacks, fetched into `folder`; or the finding that says why helm must not be given it. */
export async function loadChart(
  chart: Chart,
  folder: string,
  ports: Pick<Ports, 'files'> & { readonly pull: PullChart },
): Promise<ReadChart | Finding> {
  try {
    const read = await readChart({ chart: chart.folder }, folder, ports);
    // helm writes names between its lines, where nobody could tell them from what it says.
    const unprintable = [...read.contents.keys()].find((name) => /[\p{Cc}\u2028\u2029]/u.test(name));
    if (unprintable === undefined) return read;
    return refuse(chart, 'charts/file-name', {
      message: `The file name ${JSON.stringify(unprintable)} holds a control character.`,
      remedy: 'Rename the file, or name it in .helmignore.',
    });
  } catch (thrown) {
    const rule = thrown instanceof ZakenakError ? rules[thrown.code] : undefined;
    if (rule === undefined) throw thrown;
    const { message, remedy } = thrown as ZakenakError;
    const own = message.replaceAll(folder, '…').replaceAll(ports.files.root, '.');
    const text = { message: own, remedy };
    return ofDependencies.has(rule)
      ? refuse(chart, rule, text, await placeDependency(chart.folder, own, ports))
      : refuse(chart, rule, text);
  }
}

/** What is mended where the chart lists its dependencies. */
const ofDependencies = new Set([
  'charts/missing-dependencies',
  'charts/stale-lock',
  'charts/ambiguous-subchart',
]);

function refuse(
  { folder }: Chart,
  ruleId: string,
  text: { readonly message: string; readonly remedy: string },
  location: Location = { path: posix.join(folder, 'Chart.yaml') },
): Finding {
  return createFinding({ ruleId, severity: 'high', ...text, location, tool: 'zakenak' });
}
