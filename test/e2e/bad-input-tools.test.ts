import assert from 'node:assert/strict';
import { accessSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import {
  assertCoded,
  assertTidy,
  type Coded,
  cacheFolder,
  makeWorkspace,
  reportOf,
  runCli,
  type Workspace,
} from './cli-fixture.ts';

const files = {
  'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'charts/web/templates/config.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n',
  'app/Dockerfile': 'FROM scratch\nCOPY Dockerfile /\n',
};

/** A machine with these programs on its PATH and nothing in the cache, from which nothing can be fetched. */
async function bareMachine(
  workspace: Workspace,
  programs: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const folder = join(dirname(workspace.root), 'bin');
  await mkdir(folder);
  for (const [name, script] of Object.entries(programs)) {
    if (script.startsWith('#!')) await writeFile(join(folder, name), script, { mode: 0o755 });
    else await symlink(script, join(folder, name));
  }
  return {
    PATH: folder,
    HOME: join(dirname(workspace.root), 'home'),
    ZAKENAK_OFFLINE: '1',
    ZAKENAK_CACHE_DIR: join(dirname(workspace.root), 'cache'),
  };
}

function findOnPath(name: string): string {
  const found = (process.env.PATH ?? '').split(delimiter).find((folder) => {
    try {
      accessSync(join(folder, name));
      return true;
    } catch {
      return false;
    }
  });
  return join(found ?? '', name);
}

const old = (text: string) => `#!/bin/sh\necho ${text}\n`;

interface Case extends Coded {
  readonly command: string;
  /** Programs on the PATH: scripts, or `real`. */
  readonly programs?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

const cases: Readonly<Record<string, Case>> = {
  'without git': {
    command: 'secrets',
    code: 'tool/missing',
    exitCode: 3,
    message: /git >=2\.34/,
    remedy: /apt-get install git/,
  },
  'without gitleaks, offline': {
    command: 'secrets',
    programs: { git: 'real' },
    code: 'tool/missing',
    exitCode: 3,
    message: /gitleaks 8\..*ZAKENAK_OFFLINE/,
    remedy: /gitleaks/,
  },
  'without Go, which the schemas come with': {
    command: 'lint',
    programs: { git: 'real' },
    code: 'tool/missing',
    exitCode: 3,
    message: /^go /,
    remedy: /Install Go/,
  },
  'with a helm that is not where its variable says': {
    command: 'lint',
    env: {
      PATH: process.env.PATH ?? '',
      ZAKENAK_CACHE_DIR: cacheFolder,
      ZAKENAK_OFFLINE: '',
      ZAKENAK_HELM_PATH: '/nonexistent/helm',
    },
    code: 'tool/missing',
    exitCode: 3,
    message: /\/nonexistent\/helm/,
  },
  'with an old git': {
    command: 'secrets',
    programs: { git: old('git version 2.20.1') },
    code: 'tool/wrong-version',
    exitCode: 3,
    message: /git is 2\.20\.1 at .*bin\/git, and >=2\.34 is needed/,
  },
  'with an old gitleaks': {
    command: 'secrets',
    programs: { git: 'real', gitleaks: old('8.2.0') },
    code: 'tool/wrong-version',
    exitCode: 3,
    message: /gitleaks is 8\.2\.0 at .*, and >=8\.24\.0 is needed/,
  },
  'with a gitleaks that tells no version': {
    command: 'secrets',
    programs: { git: 'real', gitleaks: old('hello') },
    code: 'tool/wrong-version',
    exitCode: 3,
    message: /unknown version/,
  },
  'with a gitleaks that crashes': {
    command: 'secrets',
    programs: {
      git: 'real',
      gitleaks: '#!/bin/sh\n[ "$1" = version ] && echo 8.30.1 && exit\nkill -SEGV $$\n',
    },
    code: 'secrets/scanner-failed',
    exitCode: 4,
  },
  'with a gitleaks whose interpreter is not there': {
    command: 'secrets',
    programs: { git: 'real', gitleaks: '#!/nonexistent/interpreter\n' },
    code: 'tool/missing',
    exitCode: 3,
    message: /gitleaks/,
  },
  'with a variable that names a program that is not there': {
    command: 'secrets',
    env: { ZAKENAK_GIT_PATH: '/nonexistent/git' },
    code: 'tool/missing',
    exitCode: 3,
    message: /\/nonexistent\/git/,
  },
  'without any builder': {
    command: 'build --image app --context app',
    programs: { git: 'real' },
    code: 'image/no-builder',
    exitCode: 3,
  },
};

suite('third-party programs', { concurrency: 4 }, () => {
  for (const [name, { command, programs = {}, env = {}, ...wanted }] of Object.entries(cases)) {
    test(`zakenak ${command} ${name} says what is missing and how to get it`, async (t) => {
      const workspace = await makeWorkspace(t, files);
      const before = workspace.snapshot();
      const real = findOnPath('git');
      const linked = Object.entries(programs).map(([tool, how]) => [tool, how === 'real' ? real : how]);
      const machine = await bareMachine(workspace, Object.fromEntries(linked));
      const outcome = await runCli([...command.split(' '), '--json', '--directory', workspace.root], {
        env: { ...machine, ...env },
      });
      assertCoded(outcome, wanted);
      assert.deepEqual(workspace.snapshot(), before);
    });
  }

  test('a cache that cannot be written is told', async (t) => {
    const workspace = await makeWorkspace(t, files);
    const machine = await bareMachine(workspace, { git: findOnPath('git') });
    const { ZAKENAK_OFFLINE: _offline, ...online } = machine;
    const outcome = await runCli(['secrets', '--json', '--directory', workspace.root], {
      env: { ...online, ZAKENAK_CACHE_DIR: '/dev/null/cache' },
    });
    assertCoded(outcome, {
      code: 'tool/cache-unwritable',
      exitCode: 3,
      message: /\/dev\/null\/cache/,
      remedy: /ZAKENAK_CACHE_DIR/,
    });
  });

  test('a temporary folder that is not there is told', async (t) => {
    const workspace = await makeWorkspace(t, files);
    const outcome = await runCli(['secrets', '--json', '--directory', workspace.root], {
      env: { TMPDIR: '/nonexistent' },
    });
    assertCoded(outcome, { code: 'files/no-temporary-folder', exitCode: 3, remedy: /TMPDIR/ });
  });

  test('doctor looks at a bare machine without failing over it', async (t) => {
    const workspace = await makeWorkspace(t, files);
    const machine = await bareMachine(workspace);
    const outcome = await runCli(['doctor', '--json', '--gpu=false', '--directory', workspace.root], {
      env: machine,
    });
    const report = reportOf(outcome);
    assert.equal(report.error, undefined, report.error?.message);
    assertTidy(outcome);
  });
});

/** A kubeconfig of one cluster. */
function kubeconfig(server: string, user = '{}', extra = ''): string {
  return [
    'apiVersion: v1',
    'kind: Config',
    'current-context: test',
    `clusters: [{ name: c, cluster: { server: "${server}" } }]`,
    `users: [{ name: u, user: ${user} }]`,
    'contexts: [{ name: test, context: { cluster: c, user: u } }]',
    extra,
  ].join('\n');
}

async function listen(t: TestContext, status: number): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        message: 'Unauthorized',
        code: status,
      }),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const smoke = ['smoke', '--level', 'kubernetes', '--json'];

suite('the cluster', { concurrency: 4 }, () => {
  const run = async (t: TestContext, text: string | undefined, args: readonly string[] = []) => {
    const workspace = await makeWorkspace(t, text === undefined ? {} : { kubeconfig: text });
    const before = workspace.snapshot();
    const path = join(workspace.root, 'kubeconfig');
    const outcome = await runCli([...smoke, '--directory', workspace.root, ...args], {
      env: { KUBECONFIG: path, HOME: join(dirname(workspace.root), 'home') },
    });
    assert.deepEqual(workspace.snapshot(), before);
    return outcome;
  };

  test('one that does not answer is told with its context and address', async (t) => {
    // Nothing can listen on port 1 of loopback but root, and nothing does.
    assertCoded(await run(t, kubeconfig('https://127.0.0.1:1')), {
      code: 'kube/unreachable',
      exitCode: 4,
      message: /context 'test' at https:\/\/127\.0\.0\.1:1/,
    });
  });
  test('credentials that have expired are told', async (t) => {
    const server = await listen(t, 401);
    assertCoded(await run(t, kubeconfig(server)), {
      code: 'kube/unauthorized',
      exitCode: 4,
      remedy: /Renew/,
    });
  });
  test('no kubeconfig at all is told', async (t) => {
    assertCoded(await run(t, undefined), { code: 'kube/no-kubeconfig', exitCode: 3, message: /kubeconfig/ });
  });
  test('a kubeconfig that was named and is not there is told', async (t) => {
    const outcome = await run(t, undefined, ['--kubeconfig', '/nonexistent/config']);
    assertCoded(outcome, {
      code: reportOf(outcome).error?.code ?? '',
      exitCode: outcome.exitCode ?? 0,
      message: /\/nonexistent\/config/,
    });
    assert.ok(['kube/no-kubeconfig', 'kube/bad-kubeconfig'].includes(reportOf(outcome).error?.code ?? ''));
  });
  test('an unknown context is told with the nearest one', async (t) => {
    const outcome = await run(t, kubeconfig('https://127.0.0.1:1'), ['--context', 'tst']);
    assertCoded(outcome, { code: 'kube/unknown-context', exitCode: 2, message: /'tst'/, remedy: /'test'/ });
  });
  test('a kubeconfig that is no YAML is told', async (t) => {
    assertCoded(await run(t, 'clusters: [\n'), { code: 'kube/bad-kubeconfig', exitCode: 2 });
  });
  test('a context whose cluster is not in the file is told', async (t) => {
    const text = kubeconfig('https://127.0.0.1:1').replace('cluster: c,', 'cluster: gone,');
    assertCoded(await run(t, text), { code: 'kube/bad-kubeconfig', exitCode: 2, message: /gone/ });
  });
  test('a credential plugin that is not there is told', async (t) => {
    const exec =
      '{ exec: { apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin-here, interactiveMode: Never } }';
    assertCoded(await run(t, kubeconfig('https://127.0.0.1:1', exec)), {
      code: 'kube/credential-plugin-failed',
      exitCode: 3,
      message: /no-such-plugin-here/,
    });
  });
});
