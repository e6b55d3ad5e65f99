import { posix } from 'node:path';
import { parseConfig } from '@zakenak/config';
import { createReport, defineSpec, exitCodes, ZakenakError } from '@zakenak/core';
import type { RunContext } from '../context.ts';
import { defineVerb } from '../verb.ts';

const spec = defineSpec({
  name: 'init',
  verb: 'init',
  summary: 'Write a zakenak.yaml and a workflow for this repository',
  details:
    'Finds the charts and Dockerfiles of the checkout, and writes zakenak.yaml and .github/workflows/zakenak.yaml. Nothing that exists is overwritten without --force.',
  example: 'zakenak init --context kind-prod',
  inputs: {
    project: { type: 'string', description: 'Name of the project; the folder’s name where nothing is said' },
    environment: { type: 'string', description: 'Name of the first environment', default: 'prod' },
    context: {
      type: 'string',
      description: 'Context of the kubeconfig that the environment deploys to',
      default: 'current',
    },
    force: { type: 'boolean', description: 'Overwrite what is there' },
  },
  outputs: { files: { description: 'Files that were written, as JSON' } },
});

/** `zakenak init`. */
export const initVerb = defineVerb({
  spec,
  async run(inputs, { ports: { files } }) {
    const project = toName(inputs.project ?? posix.basename(files.root.replaceAll('\\', '/')));
    const charts = (await files.glob(['**/Chart.yaml'])).filter((path) => !path.includes('/charts/'));
    const dockerfiles = await files.glob(['**/Dockerfile']);
    const text = renderConfig({
      project,
      environment: toName(inputs.environment),
      context: inputs.context,
      charts,
      dockerfiles,
    });
    // What we write has to load.
    parseConfig(text);
    const pages = new Map([
      ['zakenak.yaml', text],
      ['.github/workflows/zakenak.yaml', renderWorkflow(toName(inputs.environment))],
    ]);
    if (!inputs.force) await refuseExisting([...pages.keys()], files);
    for (const [path, page] of pages) await files.write(await files.resolve(path), page);
    const found = `${charts.length} charts and ${dockerfiles.length} Dockerfiles found`;
    return createReport({
      tool: 'init',
      summary: `Wrote ${[...pages.keys()].join(' and ')}; ${found}.`,
      outputs: { files: [...pages.keys()] },
    });
  },
});

async function refuseExisting(paths: readonly string[], files: RunContext['ports']['files']): Promise<void> {
  for (const path of paths) {
    if (!(await files.stat(await files.resolve(path)))) continue;
    throw new ZakenakError({
      code: 'init/exists',
      message: `${path} is there already.`,
      remedy: 'Edit it, or overwrite it with --force.',
      exitCode: exitCodes.refused,
    });
  }
}

interface Found {
  readonly project: string;
  readonly environment: string;
  readonly context: string;
  readonly charts: readonly string[];
  readonly dockerfiles: readonly string[];
}

function renderConfig(found: Found): string {
  const quote = (text: string) => JSON.stringify(text);
  const folders = (paths: readonly string[]) => paths.map((path) => posix.dirname(path));
  const builds = folders(found.dockerfiles).map(
    (folder) =>
      `  - { name: ${toName(posix.basename(folder) === '.' ? found.project : posix.basename(folder))}, context: ${quote(folder)} }`,
  );
  const releases = folders(found.charts).map(
    (folder) =>
      `    - { name: ${toName(posix.basename(folder) === '.' ? found.project : posix.basename(folder))}, chart: ${quote(folder)} }`,
  );
  return [
    '# yaml-language-server: $schema=https://zakenak.dev/schema/zakenak.json',
    `project: ${found.project}`,
    ...(builds.length ? ['registry: localhost:5000 # where images are pushed', 'build:', ...builds] : []),
    'environments:',
    `  ${found.environment}:`,
    `    cluster: { context: ${quote(found.context)}, minVersion: "1.25" }`,
    'deploy:',
    '  namespace: default',
    releases.length ? '  releases:' : '  releases: []',
    ...releases,
    'policy:',
    '  commits: { require: signed, allowedSigners: .zakenak/allowed_signers, webFlow: merge-only }',
    '  rollback: { onFailure: set }',
    '',
  ].join('\n');
}

function renderWorkflow(environment: string): string {
  return `name: zakenak
on:
  pull_request:
  push: { branches: [main] }
permissions: {}
jobs:
  review:
    runs-on: ubuntu-24.04
    permissions: { contents: read }
    steps:
      - uses: actions/checkout@v6
        with: { fetch-depth: 0, persist-credentials: false }
      - uses: zakenak/pipeline@v1
  deploy:
    if: github.event_name == 'push'
    needs: review
    runs-on: [self-hosted, gpu]
    environment: ${environment}
    permissions: { contents: read }
    concurrency: { group: deploy-${environment}, cancel-in-progress: false }
    steps:
      - uses: actions/checkout@v6
        with: { fetch-depth: 0, persist-credentials: false }
      - uses: zakenak/deploy-to-wsl2-runner@v1
        with: { environment: ${environment} }
      - uses: zakenak/gpu-smoke-test@v1
`;
}

/** A DNS label made of any text. */
function toName(text: string): string {
  return (
    text
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 53) || 'project'
  );
}
