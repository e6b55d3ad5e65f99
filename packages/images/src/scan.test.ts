import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeProcess } from '@zakenak/core/testing';
import { createFiles, createProcessRunner } from '@zakenak/machine';
import { scanImage, writeSbom } from './scan.ts';
import { parseScanReport } from './scan-report.ts';

const trivyReport = JSON.stringify({
  SchemaVersion: 2,
  ArtifactType: 'container_image',
  Results: [
    {
      Target: 'debian 12',
      Class: 'os-pkgs',
      Type: 'debian',
      Vulnerabilities: [
        {
          VulnerabilityID: 'CVE-2026-0001',
          PkgName: 'openssl',
          InstalledVersion: '3.0.1',
          FixedVersion: '3.0.2',
          Severity: 'CRITICAL',
          Title: 'openssl: overflow',
          PrimaryURL: 'https://avd.invalid/CVE-2026-0001',
        },
        { VulnerabilityID: 'CVE-2026-0002', PkgName: 'zlib', InstalledVersion: '1', Severity: 'UNKNOWN' },
      ],
    },
    { Target: 'app', Class: 'lang-pkgs', Type: 'gobinary' },
  ],
});

const grypeReport = JSON.stringify({
  matches: [
    {
      vulnerability: {
        id: 'GHSA-aaaa-bbbb-cccc',
        severity: 'High',
        description: 'A flaw.\nMore text.',
        dataSource: 'https://advisories.invalid/GHSA-aaaa-bbbb-cccc',
        fix: { versions: ['2.0.0'], state: 'fixed' },
      },
      artifact: { name: 'golang.org/x/net', version: '1.0.0', type: 'go-module' },
    },
    {
      vulnerability: {
        id: 'CVE-2026-0003',
        severity: 'Negligible',
        fix: { versions: [], state: 'not-fixed' },
      },
      artifact: { name: 'tar', version: '1' },
    },
  ],
  descriptor: { name: 'grype' },
});

test('trivy’s report becomes findings; a severity nobody knows counts as medium', () => {
  const findings = parseScanReport('trivy', trivyReport, 'Dockerfile');
  assert.deepEqual(
    findings.map(({ ruleId, severity, remedy }) => [ruleId, severity, remedy?.slice(0, 24)]),
    [
      ['image/CVE-2026-0001', 'critical', 'Update openssl to 3.0.2.'],
      ['image/CVE-2026-0002', 'medium', 'No fixed version is know'],
    ],
  );
});

test('grype’s report becomes findings', () => {
  const findings = parseScanReport('grype', grypeReport, 'Dockerfile');
  assert.deepEqual(
    findings.map(({ ruleId, severity, message }) => [ruleId, severity, message]),
    [
      ['image/GHSA-aaaa-bbbb-cccc', 'high', 'golang.org/x/net 1.0.0 has GHSA-aaaa-bbbb-cccc: A flaw.'],
      ['image/CVE-2026-0003', 'info', 'tar 1 has CVE-2026-0003.'],
    ],
  );
});

test('a report of another shape is no clean bill', () => {
  for (const text of [
    '',
    'null',
    '[]',
    '{}',
    '{"matches":null}',
    '{"SchemaVersion":3,"Results":[]}',
    '{"Results":[]}',
  ]) {
    assert.throws(() => parseScanReport('trivy', text, 'Dockerfile'), { code: 'image/scan-failed' }, text);
    assert.throws(() => parseScanReport('grype', text, 'Dockerfile'), { code: 'image/scan-failed' }, text);
  }
  assert.deepEqual(parseScanReport('trivy', '{"SchemaVersion":2}', 'Dockerfile'), []);
});

test('the scanners get these command lines, and fail closed without a report or with an error', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zakenak-scan-'));
  try {
    const files = createFiles(folder);
    const target = { archive: '/image.tar', folder, dockerfile: 'Dockerfile' };
    const trivyLine = [
      'image',
      '--quiet',
      '--scanners',
      'vuln',
      '--format',
      'json',
      '--output',
      `${folder}/trivy.json`,
    ];
    const runs = fakeProcess([
      {
        program: 'trivy',
        args: [...trivyLine, '--exit-code', '0', '--ignore-unfixed', '--input', '/image.tar'],
        answer: async () => {
          await writeFile(join(folder, 'trivy.json'), trivyReport);
          return {};
        },
      },
      {
        program: 'grype',
        args: ['docker-archive:/image.tar', '--quiet', '--output', 'json', '--file', `${folder}/grype.json`],
      },
      {
        program: 'grype',
        args: () => true,
        answer: { exitCode: 1, stderr: 'no\nfailed to load vulnerability db\n' },
      },
      {
        program: 'syft',
        args: ['scan', 'docker-archive:/image.tar', '--quiet', '--output', `spdx-json=${folder}/s.json`],
      },
    ]);
    const ports = { process: runs, files };
    assert.equal((await scanImage('trivy', target, true, ports)).length, 2);
    await assert.rejects(scanImage('grype', target, false, ports), { code: 'image/scan-failed' });
    await assert.rejects(scanImage('grype', target, false, ports), /failed to load vulnerability db/);
    await assert.rejects(writeSbom('/image.tar', `${folder}/s.json`, ports), { code: 'image/sbom-failed' });
    runs.assertAllUsed();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a scanner that is not there is an error, not a pass', async () => {
  const target = { archive: '/image.tar', folder: tmpdir(), dockerfile: 'Dockerfile' };
  const ports = { process: createProcessRunner({ PATH: '/nowhere' }), files: createFiles(tmpdir()) };
  await assert.rejects(scanImage('trivy', target, false, ports), { code: 'tool/missing', exitCode: 3 });
});
