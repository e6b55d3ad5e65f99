import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readTarGz } from './tar.ts';

interface Entry {
  readonly path: string;
  readonly body?: string;
  readonly type?: string;
  readonly prefix?: string;
  readonly magic?: string;
  /** Text of the size field, where it is to lie. */
  readonly size?: string;
}

function header({ path, body = '', type = '0', prefix = '', magic = 'ustar\x0000', size }: Entry): Buffer {
  const block = Buffer.alloc(512);
  const length = Buffer.byteLength(body).toString(8).padStart(11, '0');
  block.write(path, 0, 100).toString();
  block.write('0000644\0', 100);
  block.write(size ?? `${length}\0`, 124);
  block.write(type, 156);
  block.write(magic, 257, 'latin1');
  block.write(prefix, 345, 155);
  block.write('        ', 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function entry(given: Entry): Buffer {
  const body = Buffer.from(given.body ?? '');
  return Buffer.concat([header(given), body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}

const end = Buffer.alloc(1024);
const archive = (...entries: readonly Entry[]) => gzipSync(Buffer.concat([...entries.map(entry), end]));
const read = (bytes: Uint8Array) =>
  Object.fromEntries([...readTarGz(bytes)].map(([path, body]) => [path, Buffer.from(body).toString('utf8')]));
const pax = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  while (length !== Buffer.byteLength(`${length}${rest}`)) length = Buffer.byteLength(`${length}${rest}`);
  return `${length}${rest}`;
};
const long = `chart/${'long-folder/'.repeat(20)}file.yaml`;

for (const [name, entries, files] of [
  [
    'plain files, without folders, links and devices',
    [
      { path: 'c/', type: '5' },
      { path: 'c/a', body: 'A' },
      { path: 'c/l', type: '2' },
      { path: 'c/h', type: '1' },
      { path: 'c/b', body: 'B'.repeat(513) },
    ],
    { 'c/a': 'A', 'c/b': 'B'.repeat(513) },
  ],
  ['an empty archive', [], {}],
  [
    'files of old tars without a type',
    [
      { path: 'c/a', body: 'A', type: '\0' },
      { path: 'c/d/', type: '\0' },
    ],
    { 'c/a': 'A' },
  ],
  ['a path in two parts', [{ path: 'file', prefix: 'c/deep', body: 'A' }], { 'c/deep/file': 'A' }],
  [
    'a long path in a pax record',
    [
      { path: 'PaxHeaders/x', type: 'x', body: pax('mtime', '1.5') + pax('path', long) },
      { path: 'cut', body: 'A' },
      { path: 'c/b', body: 'B' },
    ],
    { [long]: 'A', 'c/b': 'B' },
  ],
  [
    'a pax value that looks like a record',
    [
      { path: 'x', type: 'x', body: pax('comment', 'a\n9 path=evil') },
      { path: 'c/a', body: 'A' },
    ],
    { 'c/a': 'A' },
  ],
  [
    'records for the whole archive between',
    [
      { path: 'x', type: 'x', body: pax('path', 'c/é') },
      { path: 'g', type: 'g', body: pax('comment', 'x') },
      { path: 'cut', body: 'A' },
    ],
    { 'c/é': 'A' },
  ],
  [
    'GNU’s long names',
    [
      { path: '././@LongLink', type: 'K', body: 'target\0' },
      { path: '././@LongLink', type: 'L', body: `${long}\0` },
      { path: long.slice(0, 100), body: 'A', magic: 'ustar  \0' },
      { path: 'c/b', body: 'B' },
    ],
    { [long]: 'A', 'c/b': 'B' },
  ],
  [
    'GNU’s times where ustar has a prefix',
    [{ path: 'c/a', body: 'A', magic: 'ustar  \0', prefix: '14723456701' }],
    { 'c/a': 'A' },
  ],
  [
    'paths from the current folder',
    [
      { path: './c/a', body: 'A' },
      { path: '././c/b', body: 'B' },
    ],
    { 'c/a': 'A', 'c/b': 'B' },
  ],
  ['names with dots', [{ path: 'c/..a/b..', body: 'A' }], { 'c/..a/b..': 'A' }],
] as const)
  test(`an archive with ${name}`, () => {
    assert.deepEqual(read(archive(...entries)), files);
  });

test('an archive that holds a path twice is refused: which of the two would be rendered is a guess', () => {
  assert.throws(
    () => readTarGz(archive({ path: 'c/a', body: 'A' }, { path: './c/a', body: 'B' })),
    /c\/a twice/,
  );
});

for (const path of ['/etc/passwd', '../a', 'c/../../a', 'c/..', '..\\a', '\\a', 'C:/a', 'c:\\a'])
  test(`the path ${path} is refused, however it is written`, () => {
    const refusal = /leaves the archive/;
    assert.throws(() => readTarGz(archive({ path })), refusal);
    assert.throws(
      () => readTarGz(archive({ path: 'x', type: 'x', body: pax('path', path) }, { path: 'a' })),
      refusal,
    );
    assert.throws(
      () => readTarGz(archive({ path: 'x', type: 'L', body: `${path}\0` }, { path: 'a' })),
      refusal,
    );
  });

const whole = Buffer.concat([entry({ path: 'c/a', body: 'A'.repeat(600) }), end]);
for (const [name, bytes, reason] of [
  ['cut within a body', gzipSync(whole.subarray(0, 700)), /cut short/],
  ['cut within a header', gzipSync(whole.subarray(0, 300)), /cut short/],
  [
    'cut within the padding',
    gzipSync(Buffer.concat([entry({ path: 'a', body: 'A' }).subarray(0, 600)])),
    /cut short/,
  ],
  ['whose gzip is cut', gzipSync(whole).subarray(0, 60), /no whole gzip/],
  ['that is no gzip', Buffer.from('<html>'), /no whole gzip/],
  ['that is no tar', gzipSync('x'.repeat(2048)), /no tar/],
  ['with a flipped bit', gzipSync(Buffer.from(whole).fill('X', 1, 2)), /no tar/],
  ['with a size below zero', archive({ path: 'a', size: '-0000002000\0' }), /octal/],
  ['with a size over its end', archive({ path: 'a', size: '77777777777\0' }), /cut short/],
  ['with a pax record over its end', archive({ path: 'x', type: 'x', body: '99 path=a\n' }), /pax/],
  ['with a pax record without length', archive({ path: 'x', type: 'x', body: 'path=a\n' }), /pax/],
  ['that unpacks to more than 64 MiB', gzipSync(Buffer.alloc(64 * 1024 * 1024 + 512)), /64 MiB/],
] as const)
  test(`an archive ${name} is refused`, () => {
    assert.throws(() => readTarGz(bytes), reason);
  });

for (const format of ['ustar', 'pax', 'gnu', 'v7'])
  test(`what tar writes in the format ${format} is read`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'zakenak-tar-'));
    try {
      const deep = format === 'v7' ? 'chart/a' : format === 'ustar' ? `chart/${'d/'.repeat(60)}file` : long;
      const files = { 'chart/Chart.yaml': 'name: chart\n', [deep]: 'deep', 'chart/é.txt': '' };
      for (const [path, body] of Object.entries(files)) {
        await mkdir(join(folder, dirname(path)), { recursive: true });
        await writeFile(join(folder, path), body);
      }
      const { status, stdout } = spawnSync('tar', [`--format=${format}`, '-czf', '-', 'chart'], {
        cwd: folder,
      });
      assert.equal(status, 0);
      assert.deepEqual(read(stdout), files);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
