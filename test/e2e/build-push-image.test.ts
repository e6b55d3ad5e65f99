import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { createRedactor, exitCodeOf, type ProcessRunner, parseInputs, type Report } from '@zakenak/core';
import { collectingLog, collectingProgress } from '@zakenak/core/testing';
import { type BuildImageRequest, buildImage, spec } from '@zakenak/images';
import { createFiles, createHttp, createProcessRunner, createSystemClock } from '@zakenak/machine';
import { createToolchain } from '@zakenak/toolchain';

const toolchainOptions = {
  process: createProcessRunner(),
  http: createHttp(),
  progress: collectingProgress(),
};
const toolchain = createToolchain({ ...toolchainOptions, env: process.env });

let base: string;
let registry: Registry;

before(async () => {
  await toolchain.prepare(['registry', 'buildkitd', 'buildctl', 'runc', 'syft']);
  base = await mkdtemp(join(tmpdir(), 'zakenak-e2e-images-'));
  // Whatever the engine leaves behind lands in this folder and is seen.
  process.env.TMPDIR = join(base, 'tmp');
  await mkdir(process.env.TMPDIR);
  registry = await startRegistry(join(base, 'registry'));
  await pushBase();
});

after(async () => {
  await registry?.stop();
  await rm(base, { recursive: true, force: true });
});

test('an image is built, pushed and confirmed, twice with the same digest', async () => {
  const workspace = await makeWorkspace({
    Dockerfile: 'FROM scratch\nCOPY data /data\n',
    'data/hello.txt': 'hello\n',
  });
  const wanted = { image: `${registry.host}/acme/plain`, tags: '1.0.0,latest', push: 'true' };
  const first = await run(workspace, wanted);
  assert.equal(first.verdict, 'passed', first.summary);
  const second = await run(workspace, wanted);
  assert.equal(second.outputs.digest, first.outputs.digest);
  assert.equal(first.outputs['image-ref'], `${registry.host}/acme/plain@${first.outputs.digest}`);
  for (const tag of ['1.0.0', 'latest', String(first.outputs.digest)]) {
    const { digest, body } = await registry.manifest('acme/plain', tag);
    assert.equal(digest, first.outputs.digest, tag);
    assert.equal(body.mediaType, 'application/vnd.oci.image.manifest.v1+json', 'a plain manifest, no index');
  }
  const config = await registry.config('acme/plain', '1.0.0');
  const revision = git(workspace, 'rev-parse', 'HEAD');
  assert.equal(config.config.Labels['org.opencontainers.image.revision'], revision);
  assert.equal(config.created, '2026-01-02T03:04:05Z');
  await assertNothingLeft();
});

test('RUN steps run on a base image, with build arguments and a secret that stays out of the image', async () => {
  const secret = randomBytes(16).toString('hex');
  const workspace = await makeWorkspace({
    Dockerfile: [
      `FROM ${registry.host}/base:1`,
      'ARG GREETING',
      'RUN --mount=type=secret,id=token test "$(wc -c < /run/secrets/token)" = 32 && echo "$GREETING" > /greeting',
      'CMD ["cat", "/greeting"]',
    ].join('\n'),
  });
  const report = await run(workspace, {
    image: `${registry.host}/acme/run`,
    tags: 'a',
    push: 'true',
    'build-args': 'GREETING=good morning, you',
    secrets: `token=${secret}`,
    labels: 'team=platform',
  });
  assert.equal(report.verdict, 'passed', report.summary);
  const { body } = await registry.manifest('acme/run', 'a');
  const layer = await registry.layerText('acme/run', body.layers.at(-1)?.digest ?? '');
  assert.ok(layer.includes('good morning, you'));
  const config = await registry.config('acme/run', 'a');
  assert.equal(config.config.Labels.team, 'platform');
  const everything = JSON.stringify([config, layer, report]);
  assert.equal(everything.includes(secret), false);
  await assertNothingLeft();
});

test('provenance comes only when asked for, and then as an index with an attestation', async () => {
  const workspace = await makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' });
  const report = await run(workspace, {
    image: `${registry.host}/acme/p`,
    tags: 'a',
    push: 'true',
    provenance: 'true',
  });
  const { digest, body } = await registry.manifest('acme/p', 'a');
  assert.equal(digest, report.outputs.digest);
  assert.equal(body.mediaType, 'application/vnd.oci.image.index.v1+json');
  const kinds = body.manifests.map(
    ({ annotations }) => annotations?.['vnd.docker.reference.type'] ?? 'image',
  );
  assert.deepEqual(kinds, ['image', 'attestation-manifest']);
});

test('the digest is written into the values, and every comment stays', async () => {
  const workspace = await makeWorkspace({
    'images/app/Dockerfile': 'FROM scratch\nCOPY Dockerfile /\n',
    'values/prod.yaml':
      '# production\nimage:\n  repository: acme/app   # ours\n  digest: ""  # written by the build\n',
  });
  const report = await run(workspace, {
    image: `${registry.host}/acme/values`,
    context: 'images/app',
    push: 'true',
    'values-file': 'values/prod.yaml',
  });
  assert.equal(
    await readFile(join(workspace, 'values/prod.yaml'), 'utf8'),
    `# production\nimage:\n  repository: acme/app   # ours\n  digest: ${report.outputs.digest}  # written by the build\n`,
  );
});

test('a Dockerfile that does not build is a finding with its line and the step’s output', async () => {
  const workspace = await makeWorkspace({
    'app/Dockerfile': `FROM ${registry.host}/base:1\nRUN echo fine\nRUN echo about to fail \\\n  && false\n`,
  });
  const report = await run(workspace, { image: `${registry.host}/acme/bad`, context: 'app', push: 'true' });
  assert.equal(report.verdict, 'failed');
  assert.equal(exitCodeOf(report), 1);
  const [finding] = report.findings;
  assert.equal(finding?.ruleId, 'image/build-failed');
  assert.deepEqual(finding?.location, { path: 'app/Dockerfile', startLine: 3, endLine: 4 });
  assert.match(report.sections[0]?.markdown ?? '', /about to fail/);
  assert.equal((await fetch(`http://${registry.host}/v2/acme/bad/tags/list`)).status, 404);
  await assertNothingLeft();
});

test('misspelt instructions and missing files are findings with their line', async () => {
  for (const [dockerfile, line] of [
    ['FROM scratch\nCPY a b\n', 2],
    ['FROM scratch\nLABEL a=b\nCOPY missing.txt /\n', 3],
    [`FROM scratch\nFROM ${registryHost()}/acme/absent:1\n`, 2],
  ] as const) {
    const workspace = await makeWorkspace({ Dockerfile: dockerfile });
    const report = await run(workspace, { image: `${registry.host}/acme/bad` });
    assert.equal(report.findings[0]?.ruleId, 'image/build-failed', dockerfile);
    assert.equal(report.findings[0]?.location?.startLine, line, dockerfile);
  }
});

test('the scanner sees the very image that is pushed, and stops it before the push', async () => {
  const workspace = await makeWorkspace({
    Dockerfile: 'FROM scratch\nCOPY Dockerfile /seen-by-the-scanner\n',
  });
  const wanted = { image: `${registry.host}/acme/scanned`, tags: 'a', push: 'true', scan: 'high' };
  const stopped = await run(workspace, wanted, undefined, await standInTrivy('CRITICAL'));
  assert.equal(stopped.verdict, 'failed');
  assert.equal(stopped.findings[0]?.ruleId, 'image/CVE-2026-0001');
  assert.equal((await fetch(`http://${registry.host}/v2/acme/scanned/tags/list`)).status, 404);
  const passed = await run(workspace, wanted, undefined, await standInTrivy('LOW'));
  assert.equal(passed.verdict, 'passed');
  const { digest } = await registry.manifest('acme/scanned', 'a');
  assert.equal(passed.outputs.digest, digest);
  await assertNothingLeft();
});

test('the SBOM lists what is in the image', async () => {
  const workspace = await makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY program /program\n' });
  await copyFile(await toolchain.resolve('registry'), join(workspace, 'program'));
  const report = await run(workspace, {
    image: `${registry.host}/acme/listed`,
    sbom: 'true',
    'sbom-file': 'out/sbom.json',
  });
  assert.equal(report.outputs['sbom-file'], 'out/sbom.json');
  const sbom = JSON.parse(await readFile(join(workspace, 'out/sbom.json'), 'utf8'));
  assert.match(sbom.spdxVersion, /^SPDX-2/);
  const names: readonly string[] = sbom.packages.map(({ name }: { name: string }) => name);
  assert.ok(names.includes('github.com/distribution/distribution/v3'), names.slice(0, 20).join(' '));
  await assertNothingLeft();
});

test('Ctrl-C during a RUN step leaves no process and no file', async () => {
  const workspace = await makeWorkspace({ Dockerfile: `FROM ${registry.host}/base:1\nRUN sleep 4242\n` });
  const stop = new AbortController();
  const work = run(workspace, { image: `${registry.host}/acme/slow`, push: 'true' }, stop.signal);
  work.catch(() => {});
  await waitFor(async () => (await processesWith('sleep 4242')).length > 0, 'the RUN step');
  stop.abort();
  await assert.rejects(work, { code: 'run/cancelled', exitCode: 130 });
  await assertNothingLeft();
  assert.deepEqual(await processesWith('sleep 4242'), []);
});

test('a registry that is down is exit code 4, whether it is pushed to or built from', async () => {
  const dead = `127.0.0.1:${await freePort()}`;
  const push = await makeWorkspace({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' });
  const refused = { code: 'image/registry-unreachable', exitCode: 4 };
  await assert.rejects(run(push, { image: `${dead}/acme/app`, push: 'true' }), refused);
  const pull = await makeWorkspace({ Dockerfile: `FROM ${dead}/acme/base\nCOPY Dockerfile /\n` });
  await assert.rejects(run(pull, { image: `${registry.host}/acme/app` }), refused);
  await assertNothingLeft();
});

/** A workspace with one commit of fixed time. */
async function makeWorkspace(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(base, 'workspace-'));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  git(folder, 'init', '-q', '-b', 'main');
  git(folder, 'add', '-A');
  git(folder, 'commit', '-q', '-m', 'feat: begin');
  return folder;
}

function git(cwd: string, ...args: readonly string[]): string {
  const date = '2026-01-02T03:04:05Z';
  const identity = [
    '-c',
    'user.name=Test',
    '-c',
    'user.email=test@example.invalid',
    '-c',
    'commit.gpgsign=false',
  ];
  const env = {
    ...process.env,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_DATE: date,
    GIT_CONFIG_GLOBAL: '/dev/null',
  };
  return execFileSync('git', [...identity, ...args], { cwd, env, encoding: 'utf8' }).trim();
}

/** A program that takes trivy's command line, insists on a Docker archive with our file in it, and reports one vulnerability. */
async function standInTrivy(severity: string): Promise<ProcessRunner> {
  const path = join(base, `trivy-${severity}`);
  const entry = { VulnerabilityID: 'CVE-2026-0001', PkgName: 'x', InstalledVersion: '1', Severity: severity };
  const report = JSON.stringify({ SchemaVersion: 2, Results: [{ Vulnerabilities: [entry] }] });
  const script = `#!/bin/sh
set -eu
[ "$1" = image ]
while [ "$1" != --output ]; do shift; done
out=$2
while [ "$1" != --input ]; do shift; done
tar -xOf "$2" manifest.json | grep -q Layers
for entry in $(tar -tf "$2"); do tar -xOf "$2" "$entry" | gzip -dcf; done | grep -qa seen-by-the-scanner
printf '%s' '${report}' > "$out"
`;
  await writeFile(path, script, { mode: 0o755 });
  return createToolchain({ ...toolchainOptions, env: { ...process.env, ZAKENAK_TRIVY_PATH: path } });
}

async function run(
  workspace: string,
  inputs: Readonly<Record<string, string>>,
  signal?: AbortSignal,
  runner: ProcessRunner = toolchain,
): Promise<Report> {
  const request: BuildImageRequest = parseInputs(spec, (name) => ({ builder: 'private', ...inputs })[name]);
  const ports = {
    process: runner,
    files: createFiles(workspace),
    http: createHttp(),
    clock: createSystemClock(),
    log: collectingLog(),
    progress: collectingProgress(),
    redactor: createRedactor(),
  };
  return buildImage(request, ports, signal);
}

/** The one base image: a static busybox with its applets, made by the engine itself. */
async function pushBase(): Promise<void> {
  const workspace = await makeWorkspace({
    Dockerfile: 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n',
  });
  await copyFile(execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim(), join(workspace, 'busybox'));
  const report = await run(workspace, { image: `${registry.host}/base`, tags: '1', push: 'true' });
  assert.equal(report.verdict, 'passed', report.summary);
}

async function assertNothingLeft(): Promise<void> {
  assert.deepEqual(await readdir(process.env.TMPDIR ?? ''), []);
  assert.deepEqual(await processesWith(join(base, 'tmp')), []);
}

async function processesWith(text: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const id of (await readdir('/proc')).filter(
    (name) => /^\d+$/.test(name) && Number(name) !== process.pid,
  )) {
    const line = (await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
    if (line.includes(text)) found.push(line);
  }
  return found;
}

async function waitFor(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (let round = 0; round < 600; round += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`${what} did not come`);
}

interface Manifest {
  readonly mediaType: string;
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
  readonly manifests: readonly { readonly annotations?: Readonly<Record<string, string>> }[];
}

interface Registry {
  readonly host: string;
  manifest(
    repository: string,
    reference: string,
  ): Promise<{ readonly digest: string; readonly body: Manifest }>;
  config(
    repository: string,
    reference: string,
  ): Promise<{
    readonly created: string;
    readonly config: { readonly Labels: Readonly<Record<string, string>> };
  }>;
  layerText(repository: string, digest: string): Promise<string>;
  stop(): Promise<void>;
}

function registryHost(): string {
  return registry.host;
}

async function startRegistry(folder: string): Promise<Registry> {
  await mkdir(folder, { recursive: true });
  const host = `127.0.0.1:${await freePort()}`;
  const file = join(folder, 'config.yml');
  const storage = `storage: { filesystem: { rootdirectory: ${join(folder, 'data')} } }`;
  await writeFile(file, `version: 0.1\nlog: { level: error }\n${storage}\nhttp: { addr: '${host}' }\n`);
  const child: ChildProcess = spawn(await toolchain.resolve('registry'), ['serve', file], {
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const up = () =>
    fetch(`http://${host}/v2/`)
      .then(({ ok }) => ok)
      .catch(() => false);
  await waitFor(up, 'the registry');
  const manifest: Registry['manifest'] = async (repository, reference) => {
    const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json';
    const response = await fetch(`http://${host}/v2/${repository}/manifests/${reference}`, {
      headers: { accept },
    });
    assert.equal(response.status, 200, `${repository}:${reference}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    return { digest, body: JSON.parse(bytes.toString()) as Manifest };
  };
  const blob = async (repository: string, digest: string) =>
    Buffer.from(await (await fetch(`http://${host}/v2/${repository}/blobs/${digest}`)).arrayBuffer());
  return {
    host,
    manifest,
    config: async (repository, reference) => {
      const { body } = await manifest(repository, reference);
      return JSON.parse((await blob(repository, body.config.digest)).toString());
    },
    layerText: async (repository, digest) =>
      (await import('node:zlib')).gunzipSync(await blob(repository, digest)).toString('latin1'),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}
