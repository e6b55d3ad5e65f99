import { posix } from 'node:path';
import { parseConfig, renderConfigJsonSchema } from '@zakenak/config';
import { createReport, defineSpec } from '@zakenak/core';
import type { RunContext } from '../context.ts';
import { fileExists } from '../errors.ts';
import { defineVerb } from '../verb.ts';

const spec = defineSpec({
  name: 'init',
  verb: 'init',
  summary: 'Write a zakenak.yaml and a workflow for this repository',
  details:
    'Finds the charts and Dockerfiles of the checkout, and writes zakenak.yaml, its schema for editors and .github/workflows/zakenak.yaml. Nothing that exists is overwritten without --force.',
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

/** What editors check zakenak.yaml by: beside it, so that no address has to be reached. */
const schemaPath = '.zakenak/zakenak.schema.json';

/** `zakenak init`. */
export const initVerb = defineVerb({
  spec,
  async run(inputs, { ports: { files, host } }) {
    const environment = toName(inputs.environment);
    const charts = await findCharts(files);
    const dockerfiles = await files.glob(['**/Dockerfile']);
    const project = toName(inputs.project ?? posix.basename(files.root.replaceAll('\\', '/')));
    const text = renderConfig({ project, environment, context: inputs.context, charts, dockerfiles });
    // What we write has to load.
    parseConfig(text);
    const pages = new Map([
      [host.readInput('config')?.trim() || 'zakenak.yaml', text],
      ['.github/workflows/zakenak.yaml', renderWorkflow(environment)],
      [schemaPath, renderConfigJsonSchema()],
    ]);
    if (!inputs.force)
      for (const path of pages.keys())
        if (await files.stat(await files.resolve(path))) throw fileExists(path);
    for (const [path, page] of pages) await files.write(await files.resolve(path), page);
    return createReport({
      tool: 'init',
      summary: `Wrote ${[...pages.keys()].join(', ')}: ${count(charts, 'chart')} and ${count(dockerfiles, 'Dockerfile')} found.`,
      outputs: { files: [...pages.keys()] },
    });
  },
});

/** Folders of charts that can be released: no subchart of another, no library. */
async function findCharts(files: RunContext['ports']['files']): Promise<readonly string[]> {
  const folders: string[] = [];
  for (const path of await files.glob(['**/Chart.yaml']))
    if (!/^type:\s*["']?library\b/m.test(await files.readText(path))) folders.push(posix.dirname(path));
  return folders.filter((folder) =>
    folders.every((other) => !folder.startsWith(other === '.' ? 'charts/' : `${other}/charts/`)),
  );
}

function count(found: readonly string[], what: string): string {
  return `${found.length} ${what}${found.length === 1 ? '' : 's'}`;
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
  const names = uniqueNames(found.project);
  const imageNames = uniqueNames(found.project);
  const builds = found.dockerfiles
    .map((path) => posix.dirname(path))
    .map((folder) => `  - { name: ${imageNames(folder)}, context: ${quote(folder)} }`);
  const releases = found.charts.map((folder) => `    - { name: ${names(folder)}, chart: ${quote(folder)} }`);
  return [
    `# yaml-language-server: $schema=${schemaPath}`,
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
    '  # Once `zakenak sign --key ~/.ssh/id_ed25519.pub` has listed the first signer:',
    '  # commits: { require: signed, allowedSigners: .zakenak/allowed_signers }',
    '  secrets: { failOn: new }',
    '  rollback: { onFailure: set }',
    '',
  ].join('\n');
}

/** Names made of folders: the last segment, more of the path where that is taken. */
function uniqueNames(project: string): (folder: string) => string {
  const taken = new Set<string>();
  return (folder) => {
    const segments = folder === '.' ? [project] : folder.split('/').reverse();
    let name = '';
    for (let used = 1; name === '' || (taken.has(name) && used <= segments.length); used++)
      name = toName(segments.slice(0, used).reverse().join('-'));
    taken.add(name);
    return name;
  };
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
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
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
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with: { fetch-depth: 0, persist-credentials: false }
      - uses: zakenak/deploy-to-wsl2-runner@v1
        with: { environment: ${environment} }
      - uses: zakenak/gpu-smoke-test@v1
        with: { environment: ${environment} }
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
