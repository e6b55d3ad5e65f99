import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitCodes, ZakenakError } from '../error.ts';
import { createFinding } from '../finding.ts';
import { createErrorReport, createReport } from '../report.ts';
import { renderAnnotations, renderErrorAnnotation } from './annotations.ts';
import { renderCodeQuality } from './code-quality.ts';
import { escapeTerminal, neutralizeCommands } from './escape.ts';
import { renderJunit } from './junit.ts';
import { renderMarkdown } from './markdown.ts';
import { renderSarif } from './sarif.ts';
import { renderSecretDetection } from './secret-detection.ts';
import { renderTerminal } from './terminal.ts';

const hostile = 'bad\n::set-output name=x::y,z: 100% <script>|`a` \u001b[2J';
const finding = createFinding({
  ruleId: 'chart/broken',
  severity: 'high',
  message: hostile,
  location: { path: 'a,b:c/templates/x.yaml', startLine: 3, startColumn: 5 },
  remedy: 'Mend it.',
  tool: 'helm',
});
const report = createReport({ tool: 'lint-helm', findings: [finding] });

test('an annotation cannot smuggle in a second workflow command', () => {
  const { text } = renderAnnotations(report);
  assert.equal(text.split('\n').length, 2);
  assert.match(
    text,
    /^::error file=a%2Cb%3Ac\/templates\/x\.yaml,line=3,col=5,title=chart\/broken::bad%0A::set-output/,
  );
  assert.match(text, /100%25/);
});

test('annotations beyond the limit are counted, not shown', () => {
  const many = Array.from({ length: 25 }, (_, index) => createFinding({ ...finding, message: `m${index}` }));
  const { text, dropped } = renderAnnotations(createReport({ tool: 't', findings: many }), { most: 10 });
  assert.equal(text.trimEnd().split('\n').length, 10);
  assert.equal(dropped, 15);
});

test('the worst findings are annotated, of whatever level, and no more than the host shows of one', () => {
  const make = (severity: 'high' | 'medium' | 'info', count: number) =>
    Array.from({ length: count }, (_, index) =>
      createFinding({ ...finding, severity, message: `${severity} ${index}` }),
    );
  const mixed = createReport({
    tool: 't',
    findings: [...make('info', 9), ...make('medium', 9), ...make('high', 7)],
  });
  const levelsOf = (text: string) => text.match(/^::\w+/gm)?.join('');
  const worst = renderAnnotations(mixed);
  assert.equal(levelsOf(worst.text), `${'::error'.repeat(7)}${'::warning'.repeat(3)}`);
  assert.equal(worst.dropped, 15);
  assert.equal(
    levelsOf(renderAnnotations(mixed, { most: 6, perLevel: 2 }).text),
    '::error::error::warning::warning::notice::notice',
  );
});

test('Azure gets its own commands, out of which no value breaks, and a note is a warning that counts as one', () => {
  const { text } = renderAnnotations(report, { style: 'azure' });
  assert.equal(
    text,
    '##vso[task.logissue type=error;sourcepath=a,b:c/templates/x.yaml;linenumber=3;columnnumber=5;code=chart/broken]' +
      'bad%0A::set-output name=x::y,z: 100%AZP25 <script>|`a` \\x1b[2J%0AMend it.\n',
  );
  const path = 'a]##vso[task.complete];b\n%0A';
  const evil = createFinding({ ...finding, location: { path } });
  const broken = renderAnnotations(createReport({ tool: 't', findings: [evil] }), { style: 'azure' }).text;
  assert.match(
    broken,
    /^[^\]]*;sourcepath=a%5D##vso\[task\.complete%5D%3Bb%0A%AZP250A;code=chart\/broken\]bad/,
  );
  const make = (severity: 'low' | 'info') =>
    Array.from({ length: 8 }, (_, index) =>
      createFinding({ ...finding, severity, message: `${severity}${index}` }),
    );
  const mild = createReport({ tool: 't', findings: [...make('low'), ...make('info')] });
  const { dropped } = renderAnnotations(mild, { most: 50, style: 'azure' });
  assert.equal(dropped, 6);
  assert.equal(
    renderErrorAnnotation({ code: 'a/b', message: 'x]y', remedy: 'Do.', exitCode: 2 }, 'azure'),
    '##vso[task.logissue type=error;code=a/b]x]y%0ADo.\n',
  );
});

test('the terminal shows text in the order that it has', () => {
  assert.equal(escapeTerminal('a\u202egnp.exe\u2066b'), 'a\\u202egnp.exe\\u2066b');
  assert.equal(escapeTerminal('שלום 👩‍💻 é'), 'שלום 👩‍💻 é');
});

test('the terminal shows control characters as text', () => {
  const text = renderTerminal(report);
  assert.ok(!text.includes('\u001b'));
  assert.match(text, /\\x1b\[2J/);
  assert.match(text, /a,b:c\/templates\/x\.yaml:3:5/);
});

test('SARIF names the rule, the place and a stable fingerprint', () => {
  const log = JSON.parse(renderSarif(report, '1.0.0'));
  const [result] = log.runs[0].results;
  assert.equal(log.version, '2.1.0');
  assert.equal(result.ruleId, 'chart/broken');
  assert.equal(result.locations[0].physicalLocation.region.startLine, 3);
  assert.equal(result.partialFingerprints['zakenakFingerprint/v1'], finding.fingerprint);
  assert.equal(log.runs[0].tool.driver.rules[0].properties['security-severity'], '8.0');
});

test('JUnit is well-formed whatever a message holds', () => {
  const xml = renderJunit(report);
  assert.ok(!xml.includes('<script>'));
  assert.ok(!xml.includes('\u001b'));
  assert.match(xml, /failures="1"/);
});

test('Code Quality gives every place of a finding a fingerprint of its own', () => {
  const second = { ...finding, location: { path: finding.location?.path ?? '', startLine: 9 } };
  const entries = JSON.parse(renderCodeQuality(createReport({ tool: 't', findings: [finding, second] })));
  assert.equal(entries.length, 2);
  assert.notEqual(entries[0].fingerprint, entries[1].fingerprint);
});

test('Markdown is cut at the limit with balanced blocks and says so', () => {
  const long = createReport({
    tool: 't',
    sections: [{ title: 'plan', markdown: `\`\`\`\n${'line\n'.repeat(5_000)}\`\`\`` }],
  });
  const text = renderMarkdown(long, { maxLength: 2_000 });
  assert.ok(text.length <= 2_000);
  assert.match(text, /Cut here/);
  assert.equal((text.match(/^```/gm) ?? []).length % 2, 0);
  assert.equal(text.match(/<details>/g)?.length, text.match(/<\/details>/g)?.length);
  assert.ok(!renderMarkdown(report).includes('<script>'));
});

test('Markdown that is too long first shows fewer findings of each stage, and then says how many lines it lacks', () => {
  const many = Array.from({ length: 60 }, (_, index) =>
    createFinding({ ...finding, message: `${'m'.repeat(100)} ${index}` }),
  );
  const check = createReport({ tool: 'check', parts: [createReport({ tool: 'lint-helm', findings: many })] });
  const text = renderMarkdown(check, { maxLength: 6_000 });
  assert.ok(text.length <= 6_000);
  const shown = text.match(/^\| high \|/gm)?.length ?? 0;
  assert.equal(shown, 20);
  assert.match(text, /… and 40 more\./);
  assert.doesNotMatch(text, /Cut here/);
  const sections = [{ title: 'plan', markdown: 'line\n'.repeat(5_000) }];
  const long = renderMarkdown(createReport({ tool: 'plan', sections }), { maxLength: 2_000 });
  const kept = long.match(/^line$/gm)?.length ?? 0;
  const [, missing] = /Cut here: (\d+) of 5009 lines are left out/.exec(long) ?? [];
  assert.ok(kept > 100);
  // The section's own end, two lines, is among what was left out.
  assert.equal(Number(missing), 5_003 - kept);
});

test('no CI host finds a command in what was escaped, and the rest stays as it was', () => {
  const hostile = [
    '::error::x',
    ' \t::set-output name=a::b',
    'a\r\n  ::add-mask::x',
    'x ##[group]y',
    '##vso[task.x]y',
  ];
  for (const text of hostile) {
    const lines = neutralizeCommands(text).split(/[\r\n]/);
    assert.ok(
      lines.every((line) => !line.trim().startsWith('::') && !/##(\[|vso\[)/.test(line)),
      text,
    );
  }
  for (const text of ['a::b', 'std::vector', '# [x]', '## Title', ': x', 'a\n b'])
    assert.equal(neutralizeCommands(text), text);
});

test('commands are looked for in a time that grows with the text, whatever blanks it has', () => {
  for (const blank of [' ', '\n', '\r', '\u2028', '\u0085', ' \n'])
    for (const text of [blank.repeat(200_000), `${blank.repeat(200_000)}::error::x`]) {
      const started = performance.now();
      assert.ok(!neutralizeCommands(text).includes('::error'));
      assert.ok(performance.now() - started < 1_000, JSON.stringify(blank));
    }
});

const around = {
  version: '1.2.3',
  startedAt: new Date('2026-01-01T00:00:01.900Z'),
  endedAt: new Date('2026-01-01T00:01:00Z'),
};

test('GitLab’s secret detection report has what its schema demands of each finding, and no extract', () => {
  const leak = (path: string, commit?: string) =>
    createFinding({
      ruleId: 'secret/aws',
      severity: 'high',
      message: 'A key.',
      location: { path, startLine: 3, ...(commit ? { commit } : {}) },
      tool: 'gitleaks',
      identity: 'same',
    });
  const head = 'a'.repeat(40);
  const scan = createReport({
    tool: 'scan-secrets',
    findings: [
      leak('a.env'),
      leak('b.env', 'b'.repeat(40)),
      { ...leak('a.env'), location: { path: 'a.env', startLine: 9 } },
    ],
    outputs: { head },
  });
  const text = renderSecretDetection(createReport({ tool: 'check', parts: [report, scan] }), around) ?? '';
  const { version, scan: about, vulnerabilities } = JSON.parse(text);
  assert.match(version, /^15\.\d+\.\d+$/);
  assert.deepEqual(
    [about.type, about.status, about.start_time, about.end_time],
    ['secret_detection', 'success', '2026-01-01T00:00:01', '2026-01-01T00:01:00'],
  );
  for (const who of [about.analyzer, about.scanner])
    assert.deepEqual(who, { id: 'zakenak', name: 'Zakenak', version: '1.2.3', vendor: { name: 'Zakenak' } });
  assert.deepEqual(
    vulnerabilities.map(({ location }: { location: object }) => location),
    [
      { file: 'a.env', commit: { sha: head }, start_line: 3, end_line: 3 },
      { file: 'a.env', commit: { sha: head }, start_line: 9, end_line: 9 },
      { file: 'b.env', commit: { sha: 'b'.repeat(40) }, start_line: 3, end_line: 3 },
    ],
  );
  const ids = vulnerabilities.map(({ id }: { id: string }) => id);
  assert.equal(new Set(ids).size, 3, 'ids are unique');
  for (const { identifiers, severity, name } of vulnerabilities) {
    assert.deepEqual([severity, name], ['High', 'secret/aws']);
    assert.deepEqual(identifiers, [
      { type: 'gitleaks_rule_id', name: 'gitleaks rule secret/aws', value: 'secret/aws' },
    ]);
  }
  assert.doesNotMatch(text, /raw_source_code_extract/);
});

test('where nothing was scanned for secrets no report says that none were found', () => {
  assert.equal(renderSecretDetection(report, around), undefined);
  const error = new ZakenakError({ code: 'a/b', message: 'm', remedy: 'r', exitCode: exitCodes.missing });
  const { scan, vulnerabilities } = JSON.parse(
    renderSecretDetection(createErrorReport('secrets', error), around) ?? '',
  );
  assert.deepEqual([scan.status, scan.messages], ['failure', [{ level: 'fatal', value: 'm r' }]]);
  assert.deepEqual(vulnerabilities, []);
});
