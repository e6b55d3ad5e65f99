import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRedactor, parseInputs } from '@zakenak/core';
import {
  collectingLog,
  collectingProgress,
  type ExpectedRun,
  fakeClock,
  fakeProcess,
} from '@zakenak/core/testing';
import { createFiles } from '@zakenak/machine';
import { buildImage } from './build-image.ts';
import { spec } from './spec.ts';

const sha = 'a'.repeat(40);
const digest = `sha256:${'b'.repeat(64)}`;
const gitRun: ExpectedRun = { program: 'git', args: () => true, answer: { stdout: `${sha} 1767323045\n` } };

interface Machine {
  readonly root: string;
  run(inputs: Record<string, string>, expected: readonly ExpectedRun[]): ReturnType<typeof buildImage>;
  readonly log: ReturnType<typeof collectingLog>;
  readonly redactor: ReturnType<typeof createRedactor>;
}

async function withMachine(body: (machine: Machine) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'zakenak-image-test-'));
  await writeFile(join(root, 'Dockerfile'), 'FROM scratch\n');
  const log = collectingLog();
  const redactor = createRedactor();
  try {
    await body({
      root,
      log,
      redactor,
      async run(inputs, expected) {
        const process = fakeProcess(expected);
        const ports = {
          process,
          files: createFiles(root),
          http: { request: () => Promise.reject(new Error('no HTTP expected')) },
          clock: fakeClock(),
          log,
          progress: collectingProgress(),
          redactor,
        };
        const report = await buildImage(
          parseInputs(spec, (name) => inputs[name]),
          ports,
        );
        process.assertAllUsed();
        return report;
      },
    });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Answers a buildx build: checks the arguments and writes the metadata file. */
function buildx(
  check: (args: readonly string[], env: Readonly<Record<string, string | undefined>>) => void,
): ExpectedRun {
  return {
    program: 'docker',
    args: (args) => args[0] === 'buildx' && args[1] === 'build',
    answer: async ({ args, env }) => {
      check(args, env ?? {});
      const file = args[args.indexOf('--metadata-file') + 1] ?? '';
      await writeFile(file, JSON.stringify({ 'containerimage.digest': digest }));
      return {};
    },
  };
}

const engineRuns: readonly ExpectedRun[] = [
  { program: 'docker', args: ['buildx', 'version'] },
  { program: 'docker', args: ['version', '--format', '{{.Server.Version}}'], answer: { stdout: '28.0.0' } },
];

test('Docker with buildx is taken where an engine answers, with labels, times and no provenance', async () => {
  await withMachine(async ({ run }) => {
    const report = await run({ image: 'ghcr.io/acme/app', tags: '1', 'build-args': 'A=b c,d' }, [
      gitRun,
      ...engineRuns,
      buildx((args, env) => {
        assert.ok(args.includes('--provenance=false'));
        assert.ok(args.includes('A=b c,d'));
        assert.ok(args.includes(`org.opencontainers.image.revision=${sha}`));
        assert.ok(args.includes('org.opencontainers.image.created=2026-01-02T03:04:05Z'));
        assert.equal(env.SOURCE_DATE_EPOCH, '1767323045');
        assert.equal(env.DOCKER_CONFIG, undefined);
      }),
    ]);
    assert.equal(report.verdict, 'passed');
    assert.equal(report.outputs.digest, digest);
    assert.equal(report.outputs['image-ref'], '', 'nothing was pushed');
  });
});

test('the login lives in a folder of its own that is gone afterwards, and is masked', async () => {
  await withMachine(async ({ run, redactor }) => {
    let folder = '';
    await run({ image: 'ghcr.io/acme/app', username: 'bot', password: 'correct horse' }, [
      gitRun,
      ...engineRuns,
      {
        ...buildx(() => {}),
        answer: async ({ args, env }) => {
          folder = env?.DOCKER_CONFIG ?? '';
          const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
          const auth = Buffer.from('bot:correct horse').toString('base64');
          assert.deepEqual(config, { auths: { 'ghcr.io': { auth } } });
          assert.equal(redactor.redact(`x ${auth} y correct horse`), 'x *** y ***');
          await writeFile(args[args.indexOf('--metadata-file') + 1] ?? '', '{}');
          return {};
        },
      },
    ]);
    assert.notEqual(folder, '');
    await assert.rejects(readdir(folder), { code: 'ENOENT' });
  });
});

test('a vulnerability at the gate stops before the push', async () => {
  await withMachine(async ({ run }) => {
    const report = await run({ image: 'localhost:5000/app', push: 'true', scan: 'high' }, [
      gitRun,
      ...engineRuns,
      buildx((args) => assert.ok(!args.some((arg) => arg.includes('push=true')))),
      {
        program: 'docker',
        args: (args) => args[0] === 'save' && args.at(-1)?.startsWith('localhost:5000/app:') === true,
      },
      {
        program: 'trivy',
        args: () => true,
        answer: async ({ args }) => {
          const entry = {
            VulnerabilityID: 'CVE-2026-1',
            PkgName: 'x',
            InstalledVersion: '1',
            Severity: 'HIGH',
          };
          const text = JSON.stringify({ SchemaVersion: 2, Results: [{ Vulnerabilities: [entry] }] });
          await writeFile(args[args.indexOf('--output') + 1] ?? '', text);
          return {};
        },
      },
    ]);
    assert.equal(report.verdict, 'failed');
    assert.equal(report.outputs.pushed, false);
    assert.match(report.summary, /was not pushed/);
  });
});

test('a builder that exits well but tells no digest is not believed', async () => {
  await withMachine(async ({ run }) => {
    const silent: ExpectedRun = {
      ...buildx(() => {}),
      answer: async ({ args }) => {
        await writeFile(args[args.indexOf('--metadata-file') + 1] ?? '', '{}');
        return {};
      },
    };
    await assert.rejects(
      run({ image: 'localhost:5000/app', push: 'true' }, [gitRun, ...engineRuns, silent]),
      {
        code: 'image/builder-failed',
      },
    );
  });
});

test('upper case in the image name is lowered with a warning', async () => {
  await withMachine(async ({ run, log }) => {
    const report = await run({ image: 'ghcr.io/Acme/App', tags: 'x' }, [
      gitRun,
      ...engineRuns,
      buildx(() => {}),
    ]);
    assert.deepEqual(report.outputs.tags, ['ghcr.io/acme/app:x']);
    assert.ok(log.lines.some((line) => line.startsWith('warn: Image names are lower case')));
  });
});

test('where nothing can build, the error says what was tried', async () => {
  await withMachine(async ({ run }) => {
    const absent = (program: string): ExpectedRun => ({ program, args: () => true, answer: { exitCode: 1 } });
    const gone = run({ image: 'app', builder: 'buildctl' }, [gitRun, absent('buildctl')]);
    await assert.rejects(gone, {
      code: 'image/no-builder',
      exitCode: 3,
      message: /buildctl does not answer/,
    });
  });
});

test('a private daemon that ends at once is an error with its last words, and its folder is gone', async () => {
  await withMachine(async ({ run }) => {
    let folder = '';
    const daemon: ExpectedRun = {
      program: 'buildkitd',
      args: (args) => {
        folder = args[args.indexOf('--root') + 1] ?? '';
        return args.includes('--oci-worker-net');
      },
      answer: { exitCode: 1, stdout: 'buildkitd: no worker found' },
    };
    const runc: ExpectedRun = { program: 'runc', args: ['--version'] };
    const asked: ExpectedRun = {
      program: 'buildctl',
      args: (args) => args.at(-1) === 'workers',
      answer: { exitCode: 1 },
    };
    await assert.rejects(run({ image: 'app', builder: 'private' }, [gitRun, runc, daemon, asked]), {
      code: 'image/no-builder',
      message: /no worker found/,
    });
    await assert.rejects(readdir(join(folder, '..')), { code: 'ENOENT' });
  });
});

test('every bad input is a coded error before anything runs', async () => {
  await withMachine(async ({ root, run }) => {
    await symlink('/', join(root, 'way-out'));
    await mkdir(join(root, 'empty'));
    const cases: readonly [Record<string, string>, string, number, (readonly ExpectedRun[])?][] = [
      [{ image: 'app', context: 'empty' }, 'image/no-dockerfile', 2],
      [{ image: 'app', context: 'absent' }, 'image/no-context', 2],
      [{ image: 'app', context: '..' }, 'image/context-outside-workspace', 5],
      [{ image: 'app', context: 'way-out' }, 'image/context-outside-workspace', 5],
      [{ image: 'app', file: '../Dockerfile' }, 'image/context-outside-workspace', 5],
      [{ image: 'a b' }, 'image/bad-input', 2],
      [{ image: 'ghcr.io/acme/app', 'insecure-registry': 'true' }, 'image/insecure-registry', 5],
      [{ image: 'app', tags: 'a:b' }, 'image/bad-input', 2, [gitRun]],
      [{ image: 'app', username: 'only' }, 'image/bad-input', 2, [gitRun]],
      [{ image: 'app', 'build-args': 'novalue' }, 'image/bad-input', 2, [gitRun]],
      [{ image: 'app', 'secret-files': 'id=absent' }, 'image/bad-input', 2, [gitRun]],
      [{ image: 'app', 'secret-files': 'id=../x' }, 'image/context-outside-workspace', 5, [gitRun]],
    ];
    for (const [inputs, code, exitCode, expected] of cases)
      await assert.rejects(run(inputs, expected ?? []), { code, exitCode }, JSON.stringify(inputs));
  });
});

test('an error about a secret does not show it', async () => {
  await withMachine(async ({ run }) => {
    await assert.rejects(run({ image: 'app', secrets: 'hunter2hunter2' }, [gitRun]), (error: Error) => {
      assert.ok(!error.message.includes('hunter2'));
      return true;
    });
  });
});
