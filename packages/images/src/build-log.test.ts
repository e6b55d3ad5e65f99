import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeFailure, stepOutput } from './build-log.ts';

// Recorded from buildctl 0.34.2 with --progress plain.
const failedRun = `#6 [2/3] RUN echo fine
#6 DONE 0.1s

#7 [3/3] RUN echo one   && false
#7 0.061 one
#7 ERROR: process "/bin/sh -c echo one   && false" did not complete successfully: exit code: 1
------
 > [3/3] RUN echo one   && false:
0.061 one
------
Dockerfile:3
--------------------
   2 |     RUN echo fine
   3 | >>> RUN echo one \\
   4 | >>>   && false
   5 |
--------------------
error: failed to solve: process "/bin/sh -c echo one   && false" did not complete successfully: exit code: 1`;

const text = 'FROM scratch\nCOPY  nope.txt /a.txt\nRUN false\n';
const judge = (log: string, builder = 'buildctl') =>
  judgeFailure(builder, { exitCode: 1, log }, { path: 'app/Dockerfile', text });

test('a failing RUN step is a finding over all its lines', () => {
  const verdict = judge(failedRun);
  assert.ok('finding' in verdict);
  assert.deepEqual(verdict.finding.location, { path: 'app/Dockerfile', startLine: 3, endLine: 4 });
  assert.equal(stepOutput(failedRun), 'one');
});

test('a RUN step that talks of refused connections is still the Dockerfile’s fault', () => {
  const log = failedRun.replaceAll(
    'echo one   && false',
    'curl x || echo connection refused 401 Unauthorized',
  );
  assert.ok('finding' in judge(log));
});

test('the same fault in two runs has one fingerprint, whatever ids BuildKit puts in', () => {
  const message = (id: string) =>
    `error: failed to solve: failed to compute cache key: failed to calculate checksum of ref ${id}::njiaq4lt10w8g1h7olffak693: "/missing.txt": not found`;
  const [a, b] = [judge(message('mijs0qqt4f4afaf75h54paa8j')), judge(message('aaaaaqqt4f4afaf75h54paa8j'))];
  assert.ok('finding' in a && 'finding' in b);
  assert.equal(a.finding.fingerprint, b.finding.fingerprint);
  assert.equal(a.finding.message, '"/missing.txt": not found.');
});

test('what is wrong outside the Dockerfile is a coded error', () => {
  const cases: Record<string, string> = {
    'error: failed to solve: failed to push localhost:59999/x:1: failed to do request: Head "http://localhost:59999/v2/x": dial tcp 127.0.0.1:59999: connect: connection refused':
      'image/registry-unreachable',
    'ERROR: failed to build: failed to solve: base: failed to resolve source metadata for docker.io/library/base:1: failed to do request: Head "https://registry-1.docker.io/v2/library/base/manifests/1": dial tcp: lookup registry-1.docker.io: no such host':
      'image/registry-unreachable',
    'error: failed to solve: failed to push ghcr.io/acme/app:1: unexpected status from HEAD request to https://ghcr.io/v2/acme/app/blobs/sha256:0: 403 Forbidden':
      'image/registry-unauthorized',
    'error: failed to solve: failed to push ghcr.io/acme/app:1: unexpected status from PUT request to https://ghcr.io/v2/acme/app/blobs/uploads: 503 Service Unavailable':
      'image/registry-unreachable',
    'error: failed to solve: failed to copy: write /x: no space left on device': 'image/builder-failed',
    'error: listing workers for Build: failed to list workers: Unavailable': 'image/builder-failed',
    'failed to solve with frontend dockerfile.v0: failed to create LLB definition: failed to do request: Head "http://127.0.0.1:59997/v2/x/manifests/latest": dial tcp 127.0.0.1:59997: connect: connection refused':
      'image/registry-unreachable',
    'Get "http://127.0.0.1:59997/v2/": dial tcp 127.0.0.1:59997: connect: connection refused':
      'image/registry-unreachable',
    '': 'image/builder-failed',
  };
  for (const [log, code] of Object.entries(cases)) {
    const verdict = judge(log);
    assert.equal('error' in verdict ? verdict.error.code : 'finding', code, log);
  }
});

test('the registry is named in the error', () => {
  const verdict = judge(
    'error: failed to solve: failed to push ghcr.io/acme/app:1: failed to authorize: 401 Unauthorized',
  );
  assert.ok('error' in verdict);
  assert.match(verdict.error.message, /The registry ghcr\.io refused/);
});

test('a misspelt instruction has its line from the message, and builders that tell none get it from the instruction', () => {
  const parse = judge(
    'error: failed to solve: dockerfile parse error on line 2: unknown instruction: CPY (did you mean COPY?)',
  );
  assert.ok('finding' in parse);
  assert.equal(parse.finding.location?.startLine, 2);
  const buildah = judge(
    'Error: building at STEP "RUN false": while running runtime: exit status 1',
    'buildah',
  );
  assert.ok('finding' in buildah);
  assert.equal(buildah.finding.location?.startLine, 3);
  // Recorded from Docker 20.10.24.
  const docker = judge(
    ' > [2/2] COPY nope.txt /a.txt:\n------\nfailed to compute cache key: "/nope.txt" not found: not found',
    'docker',
  );
  assert.ok('finding' in docker);
  assert.equal(docker.finding.location?.startLine, 2);
});
