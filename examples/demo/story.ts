import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Finding, Report } from '@zakenak/core';
import { pullRequestEnvironment } from './environment.ts';
import type { DemoRepository } from './repository.ts';
import type { Screen } from './screen.ts';
import { DemoStopped, type Zakenak } from './zakenak.ts';

/** What the stages of the story work with. */
export interface Scene {
  readonly screen: Screen;
  readonly zakenak: Zakenak;
  readonly repository: DemoRepository;
  /** Absolute path of the demo's folder. */
  readonly folder: string;
  /** Runs Helm against the sandbox: what a user without Zakenak would see. */
  helm(...args: readonly string[]): Promise<string>;
}

const environment = ['--environment', 'sandbox'] as const;

/** main as it was before the story: what the review's plan is compared with. */
export async function deployBaseline({ screen, zakenak, repository }: Scene): Promise<void> {
  const { report } = await zakenak(['deploy', ...environment], { directory: repository.folder });
  screen.say(report.summary);
}

/** A signed commit that changes a chart and the image, and the pull request's one report. */
export async function reviewFeature({ screen, zakenak, repository, folder }: Scene): Promise<void> {
  repository.git('checkout', '-q', '-b', 'feature/larger-documents');
  const chart = 'helm-charts/open-webui';
  repository.edit(`${chart}/Chart.yaml`, 'version: 0.1.0', 'version: 0.2.0');
  repository.edit(`${chart}/values.yaml`, '    memory: 3Gi', '    memory: 4Gi');
  repository.edit('images/open-webui/branding/custom.css', '#76b900', '#5a8f00');
  const commit = repository.commit('feat(open-webui): room for larger documents, darker accent');
  repository.git('push', '-q', 'origin', 'HEAD');
  screen.say(
    `feature/larger-documents: ${commit.slice(0, 12)}, signed, changes the chart open-webui and its image.`,
  );
  const request = { number: 1, title: 'Room for larger documents', branch: 'feature/larger-documents' };
  const env = pullRequestEnvironment(join(folder, 'github'), repository, request);
  const { report } = await zakenak(
    ['check', ...environment, '--changed-only', '--output-dir', '.zakenak/review'],
    { directory: repository.folder, env, expect: [0, 3] },
  );
  if (report.verdict === 'errored' && !lacksOnlyBuilder(report)) throw new DemoStopped(report.summary, 3);
  screen.say('Pull request #1: the report as its one comment and its job summary show it.');
  screen.report(report);
  const graph = findGraph(report);
  if (!graph) throw new DemoStopped('The review holds no rollout graph.', 70);
  screen.output('The rollout graph, which GitHub and GitLab draw:', graph);
}

/** A leaked key, an unsigned commit and a broken template: each is found where it is, and the merge is blocked. */
export async function stopBadBranch({ screen, zakenak, repository, folder }: Scene): Promise<void> {
  repository.git('checkout', '-q', '-b', 'feature/notify', 'main');
  // Made here, so that no file of this project holds one. It opens nothing.
  const leaked = `ghp_${randomBytes(27).toString('hex').slice(0, 36)}`;
  repository.write('scripts/notify.sh', `#!/bin/sh\n# Tells the team.\nTOKEN=${leaked}\n`);
  repository.commit('feat(scripts): tell the team');
  repository.edit(
    'helm-charts/coredns/templates/configmap.yaml',
    '  db.zone: |',
    '  owner: {{ .Values.zone.owner.name | quote }}\n  db.zone: |',
  );
  const unsigned = repository.commit('feat(coredns): name the owner', { signed: false });
  screen.say(
    `feature/notify: a key on line 3 of scripts/notify.sh, ${unsigned.slice(0, 12)} unsigned, a template that fails.`,
  );
  const request = { number: 2, title: 'Tell the team', branch: 'feature/notify' };
  const { report } = await zakenak(
    ['check', '--changed-only', '--build', 'off', '--output-dir', '.zakenak/review-2'],
    {
      directory: repository.folder,
      env: pullRequestEnvironment(join(folder, 'github'), repository, request),
      expect: [1],
    },
  );
  screen.report(report);
  const found = findingsOf(report).map(({ ruleId }) => ruleId);
  for (const rule of ['secret/', 'commit/unsigned', 'charts/template-error'])
    if (!found.some((id) => id.startsWith(rule)))
      throw new DemoStopped(
        `The review of the bad branch did not find ${rule}, only ${found.join(', ')}.`,
        70,
      );
  screen.say('The required status `zakenak` failed: pull request #2 cannot be merged.');
  repository.git('checkout', '-q', 'main');
  repository.forget('feature/notify');
}

/** The image that the merge built. */
export interface Image {
  /** `name@digest`; undefined where no builder works on this machine. */
  readonly reference?: string;
  /** What tells `deploy` of it. */
  readonly flags: readonly string[];
}

/** The merge, and the image under the digest that the registry confirmed. Without a builder the story goes on with the chart's own image. */
export async function mergeAndBuild({ screen, zakenak, repository }: Scene): Promise<Image> {
  repository.git('checkout', '-q', 'main');
  repository.git('merge', '-q', '--no-ff', '-S', '-m', 'Merge pull request #1', 'feature/larger-documents');
  repository.git('push', '-q', 'origin', 'main');
  screen.say(`main is at ${repository.git('rev-parse', '--short=12', 'HEAD')}, a signed merge.`);
  const { report } = await zakenak(['build', ...environment, '--push'], {
    directory: repository.folder,
    expect: [0, 3],
  });
  screen.report(report);
  if (report.verdict === 'errored') {
    if (!lacksOnlyBuilder(report)) throw new DemoStopped(report.summary, 3);
    screen.say('No image builder works for this user here: the story goes on with the image of the chart.');
    return { flags: [] };
  }
  const reference = String(report.outputs['image-ref']);
  screen.say(`In the registry: ${reference}`);
  return { reference, flags: ['--image-digests', `open-webui=${reference}`] };
}

/** main is rolled out with the image's digest, and the GPU is tested: what a simulated one can show. */
export async function deployAndProve({ screen, zakenak, repository }: Scene, image: Image): Promise<void> {
  const deployed = await zakenak(['deploy', ...environment, ...image.flags], {
    directory: repository.folder,
  });
  screen.report(deployed.report);
  const { report } = await zakenak(['smoke', ...environment], { directory: repository.folder });
  screen.report(report);
  if (report.verdict !== 'simulated')
    throw new DemoStopped(`The smoke test of a simulated GPU says '${report.verdict}'.`, 70);
}

/** A set of two changed releases, of which one becomes ready and the other never does: both are put back. */
export async function rollBackTheSet(scene: Scene, image: Image): Promise<void> {
  const { screen, zakenak, repository, helm } = scene;
  repository.edit('helm-charts/ollama/values.yaml', '  keepAlive: 30m', '  keepAlive: 1h');
  repository.edit(
    'values/sandbox.yaml',
    'open-webui:\n',
    'open-webui:\n  podAnnotations:\n    zakenak.dev/simulate: crash-loop\n',
  );
  repository.commit('feat(open-webui): a start that crashes');
  screen.say(
    'A commit lets ollama keep its model for an hour, which works, and open-webui crash at its start.',
  );
  const { report } = await zakenak(['deploy', ...environment, ...image.flags], {
    directory: repository.folder,
    expect: [1],
  });
  screen.report(report);
  if (report.verdict !== 'rolled-back')
    throw new DemoStopped(`The deploy that fails says '${report.verdict}'.`, 70);
  screen.say('The whole set was put back, ollama too, although its new revision had become ready.');
  for (const release of ['ollama', 'open-webui'])
    screen.output(
      `helm history ${release}`,
      await helm('history', release, '--namespace', 'platform', '--max', '4'),
    );
  repository.git('revert', '--no-edit', '-S', 'HEAD');
  const plan = await zakenak(['plan', ...environment, ...image.flags], { directory: repository.folder });
  screen.say(`After git revert the plan says: ${plan.report.summary}`);
  if (plan.report.outputs['has-changes'] !== false)
    throw new DemoStopped('After the rollback the cluster is not what Git says.', 70);
}

/** What runs where, for Zakenak and for Helm. */
export async function showStatus({ screen, zakenak, repository, helm }: Scene): Promise<void> {
  const { report } = await zakenak(['status', ...environment], { directory: repository.folder });
  screen.report(report);
  screen.output('helm list --all-namespaces', await helm('list', '--all-namespaces'));
}

/** Every report below a report, itself first. */
function partsOf(report: Report): readonly Report[] {
  return [report, ...report.parts.flatMap(partsOf)];
}

function findingsOf(report: Report): readonly Finding[] {
  return partsOf(report).flatMap(({ findings }) => findings);
}

/** True where nothing but a program that builds images is missing: the story can do without. */
function lacksOnlyBuilder(report: Report): boolean {
  return partsOf(report).every(({ error }) => !error || error.code === 'image/no-builder');
}

/** The first mermaid flowchart of a report. */
function findGraph(report: Report): string | undefined {
  const sections = partsOf(report).flatMap((part) => part.sections);
  return sections.map(({ markdown }) => /```mermaid\n([\s\S]*?)\n```/.exec(markdown)?.[1]).find(Boolean);
}
