import { readFileSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { address, type makeRepository } from './commits-fixture.ts';

type Repository = Awaited<ReturnType<typeof makeRepository>>;

/** A certificate and its key, made by openssl. */
export interface Made {
  readonly name: string;
  /** Paths of PEM files. */
  readonly certificate: string;
  readonly key: string;
}

/** How a certificate differs from that of an ordinary signer. */
export interface CertificateOptions {
  readonly issuer?: Made;
  readonly email?: string;
  /** Lines of an extension section of openssl, instead of a signer's. */
  readonly extensions?: string;
  /** `rsa:2048`, `ec:P-256`, `ed25519`. */
  readonly algorithm?: string;
  readonly digest?: string;
  /** Seconds since 1970. */
  readonly from?: number;
  readonly to?: number;
}

/** Extensions of an authority. */
export const authority =
  'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash';
/** Extensions of a time stamping authority. */
export const stamper =
  'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping';
const day = 86_400;

/** Extensions of somebody who signs. */
export const signerExtensions = (email: string, more = 'extendedKeyUsage=emailProtection') =>
  `basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nsubjectAltName=email:${email}\n${more}`;

/** Certificates, signatures and revocation lists of openssl, and signatures of gpgsm, for one repository. */
export function makeX509({ folder, run, env, git, writeCommit }: Repository) {
  let made = 0;
  const path = (name: string) => join(folder, name);
  const asn1Time = (time: number) => new Date(time * 1000).toISOString().replace(/[-:T]|\.\d+/g, '');

  const certificate = (name: string, options: CertificateOptions = {}): Made => {
    const { issuer, email = address, algorithm = 'ec:P-256', digest = 'sha256' } = options;
    const now = Math.floor(Date.now() / 1000);
    const id = `x509-${++made}`;
    const own = { name, certificate: path(`${id}.pem`), key: path(`${id}.key`) };
    const config = path(`${id}.cnf`);
    const [kind = '', size = ''] = algorithm.split(':');
    const parameters =
      kind === 'rsa'
        ? ['-pkeyopt', `rsa_keygen_bits:${size}`]
        : kind === 'ec'
          ? ['-pkeyopt', `ec_paramgen_curve:${size}`]
          : [];
    run('openssl', ['genpkey', '-algorithm', kind, ...parameters, '-out', own.key]);
    const lines = [
      '[ca]\ndefault_ca=d\n[d]',
      `database=${path(`${id}.db`)}`,
      `new_certs_dir=${folder}`,
      'policy=p\nrand_serial=yes\nunique_subject=no\nemail_in_dn=no\n[p]\ncommonName=supplied',
      '[req]\ndistinguished_name=n\nprompt=no\n[n]',
      `CN=${name}`,
      '[x]',
      options.extensions ?? signerExtensions(email),
    ];
    writeFileSync(config, `${lines.join('\n')}\n`);
    writeFileSync(path(`${id}.db`), '');
    run('openssl', ['req', '-new', '-config', config, '-key', own.key, '-out', path(`${id}.csr`)]);
    const by = issuer
      ? ['-cert', issuer.certificate, '-keyfile', issuer.key]
      : ['-selfsign', '-keyfile', own.key];
    const times = [
      '-startdate',
      asn1Time(options.from ?? now - day),
      '-enddate',
      asn1Time(options.to ?? now + 300 * day),
    ];
    run('openssl', [
      ...['ca', '-batch', '-notext', '-config', config, '-extensions', 'x', '-in', path(`${id}.csr`)],
      ...[
        '-out',
        own.certificate,
        '-md',
        kind === 'ed25519' && !issuer ? 'default' : digest,
        ...by,
        ...times,
      ],
    ]);
    return own;
  };

  /** The signature of openssl over the text, armored as git wants it. */
  const signText = (text: string, by: Made, options: readonly string[] = []) => {
    const file = path('payload');
    writeFileSync(file, text, 'latin1');
    const pem = run('openssl', [
      ...[
        'cms',
        '-sign',
        '-binary',
        '-outform',
        'PEM',
        '-in',
        file,
        '-signer',
        by.certificate,
        '-inkey',
        by.key,
      ],
      ...options,
    ]);
    return pem.replaceAll(/(BEGIN|END) CMS/g, '$1 SIGNED MESSAGE');
  };
  /** A new commit with the signature that `sign` makes over its payload. */
  const commitSigned = (
    sign: (payload: string) => string,
    time = Math.floor(Date.now() / 1000),
    email = address,
  ) => {
    const tree = git('hash-object', '-t', 'tree', '-w', '/dev/null');
    let parent = '';
    try {
      parent = `parent ${git('rev-parse', '-q', '--verify', 'HEAD')}\n`;
    } catch {
      // The first commit has none.
    }
    const head = `tree ${tree}\n${parent}author a <${email}> ${time} +0000\ncommitter c <${email}> ${time} +0000\n`;
    const body = `\nchange ${++made}\n`;
    const signature = sign(head + body)
      .trimEnd()
      .replaceAll('\n', '\n ');
    return writeCommit(`${head}gpgsig ${signature}\n${body}`);
  };
  const commitBy = (by: Made, options: readonly string[] = [], time?: number, email?: string) =>
    commitSigned((payload) => signText(payload, by, ['-nosmimecap', ...options]), time, email);

  /** The signature with a time stamp of now by openssl among its unsigned attributes. */
  const stamp = (armored: string, by: Made, of = armored) => {
    const der = derOf(armored);
    const [query, token, config, serial] = ['q', 'token', 'ts.cnf', 'serial'].map((name) =>
      path(`${++made}.${name}`),
    );
    writeFileSync(path('signature'), signatureIn(derOf(of)));
    writeFileSync(serial ?? '', '01\n');
    const lines = [
      `[t]\nserial=${serial}\nsigner_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256\ness_cert_id_alg=sha256`,
      `signer_cert=${by.certificate}\nsigner_key=${by.key}`,
    ];
    writeFileSync(config ?? '', `${lines.join('\n')}\n`);
    run('openssl', ['ts', '-query', '-data', path('signature'), '-sha256', '-cert', '-out', query ?? '']);
    run('openssl', [
      'ts',
      '-reply',
      '-config',
      config ?? '',
      '-section',
      't',
      '-queryfile',
      query ?? '',
      '-token_out',
      '-out',
      token ?? '',
    ]);
    const type = Buffer.from('060b2a864886f70d010910020e', 'hex');
    const attribute = tlv(0x30, Buffer.concat([type, tlv(0x31, readFileSync(token ?? ''))]));
    return seal(appendToLast(der, 4, tlv(0xa1, attribute)));
  };

  /**
   * Brings a certificate with its key into gpgsm. gpgsm derives a wrong key from about one salt in 128, so a bundle that it cannot decrypt
   * (12 of 1,500 of one key and passphrase) is made again, with another salt.
   */
  const importSigner = (signer: Made, tries = 5): void => {
    const bundle = path(`${++made}.p12`);
    const from = ['-in', signer.certificate, '-inkey', signer.key];
    run('openssl', ['pkcs12', '-export', '-legacy', ...from, '-out', bundle, '-passout', 'pass:']);
    const passphrase = ['--pinentry-mode', 'loopback', '--passphrase', ''];
    try {
      run('gpgsm', ['--batch', ...passphrase, '--import', bundle], {}, '');
    } catch (error) {
      if (tries < 2 || !String(error).includes('decrypting the PKCS#12 file')) throw error;
      importSigner(signer, tries - 1);
    }
  };

  /** Makes gpgsm know the certificates and trust the roots, without asking anybody. */
  const teachGpgsm = async (roots: readonly Made[], signers: readonly Made[] = []) => {
    const home = String(env.GNUPGHOME);
    const prints = roots.map(({ certificate: file }) =>
      run('openssl', ['x509', '-in', file, '-noout', '-fingerprint', '-sha1']).replace(/.*=/, ''),
    );
    await writeFile(join(home, 'trustlist.txt'), prints.map((print) => `${print} S relax\n`).join(''));
    await writeFile(join(home, 'gpgsm.conf'), 'disable-crl-checks\ndisable-dirmngr\n');
    for (const { certificate: file } of roots) run('gpgsm', ['--batch', '--import', file]);
    for (const signer of signers) importSigner(signer);
  };

  /** A revocation list of openssl: certificate to reason, or none. */
  const revocationList = (issuer: Made, revoked: readonly (readonly [Made, string, number])[], days = 30) => {
    const [config, database] = [path(`${++made}.cnf`), path(`${made}.db`)];
    const entries = revoked.map(([{ certificate: file }, reason, time]) => {
      const serial = run('openssl', ['x509', '-in', file, '-noout', '-serial']).replace(/.*=/, '');
      return `R\t400101000000Z\t${asn1Time(time).slice(2)},${reason}\t${serial}\tunknown\t/CN=x\n`;
    });
    writeFileSync(database, entries.join('').replaceAll(',none', ''));
    writeFileSync(config, `[ca]\ndefault_ca=d\n[d]\ndatabase=${database}\n`);
    return run('openssl', [
      ...['ca', '-gencrl', '-config', config, '-cert', issuer.certificate, '-keyfile', issuer.key],
      ...['-md', 'sha256', '-crldays', String(days)],
    ]);
  };
  const readPem = (some: readonly Made[]) =>
    Promise.all(some.map(({ certificate: file }) => readFile(file, 'utf8'))).then((texts) => texts.join(''));
  const write = (name: string, text: string) => {
    writeFileSync(path(name), text);
    return path(name);
  };
  return { write, certificate, signText, commitSigned, commitBy, stamp, teachGpgsm, revocationList, readPem };
}

/** The bytes in the armor. */
export function derOf(armored: string): Buffer {
  return Buffer.from(armored.replace(/-----.*?-----/g, ''), 'base64');
}

/** The CMS in git's armor. */
export function seal(der: Buffer): string {
  return `-----BEGIN SIGNED MESSAGE-----\n${der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END SIGNED MESSAGE-----\n`;
}

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function split(der: Buffer, at: number): { readonly content: number; readonly end: number } {
  const first = der[at + 1] ?? 0;
  const bytes = first < 128 ? 0 : first & 127;
  const length = bytes === 0 ? first : der.readUIntBE(at + 2, bytes);
  return { content: at + 2 + bytes, end: at + 2 + bytes + length };
}

function lastChild(der: Buffer): Buffer {
  const { content, end } = split(der, 0);
  let at = content;
  for (let next = split(der, at).end; next < end; next = split(der, at).end) at = next;
  return der.subarray(at);
}

/** The element with more at the end of the last element so deep in it. */
function appendToLast(der: Buffer, depth: number, more: Buffer): Buffer {
  const content = der.subarray(split(der, 0).content);
  if (depth === 0) return tlv(der[0] ?? 0, Buffer.concat([content, more]));
  const last = lastChild(der);
  const before = content.subarray(0, content.length - last.length);
  return tlv(der[0] ?? 0, Buffer.concat([before, appendToLast(last, depth - 1, more)]));
}

/** The signature of the only signer: the last thing in signed data without unsigned attributes. */
function signatureIn(der: Buffer): Buffer {
  let last = der;
  for (let depth = 0; depth < 5; depth++) last = lastChild(last);
  return last.subarray(split(last, 0).content);
}
