import { looksReal } from './real-value.ts';

/** A credential in a Kubernetes file. Holds the secret: never leaves this package. */
export interface KubernetesSecret {
  readonly rule: string;
  readonly description: string;
  /** From 1. */
  readonly line: number;
  /** As it stands in the file, so that it is masked and found again as it stands there. */
  readonly secret: string;
}

interface Entry {
  readonly indent: number;
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

const credentialKey =
  /(^|[._-]|[a-z])(passw(or)?d|pass|pwd|token|secret|api[._-]?key|access[._-]?key|secret[._-]?key|private[._-]?key|credentials?|auth)$/i;
const namesAnother = /(existing|ref$|name$|namespace|type$|public)/i;
const valuesFile = /(^|\/)values(\/[^/]+|[^/]*)\.ya?ml$/;

/**
 * Credentials of one YAML file that no pattern of a vendor's token matches: values of plain Secrets, of kubeconfigs, and passwords in values files. Reads lines, not YAML:
 * a chart's templates are no YAML, and a hostile file costs no more than its length. Templates, SOPS' ciphertexts and placeholders are none, nor is a line with `gitleaks:allow`.
 */
export function findKubernetesSecrets(path: string, text: string): readonly KubernetesSecret[] {
  const lines = text.split(/\r?\n/);
  const found: KubernetesSecret[] = [];
  let start = 0;
  for (let end = 1; end <= lines.length; end++) {
    if (end < lines.length && !/^---(\s|$)/.test(lines[end] ?? '')) continue;
    found.push(...judgeDocument(path, lines.slice(start, end), start));
    start = end;
  }
  return found;
}

function judgeDocument(path: string, lines: readonly string[], offset: number): readonly KubernetesSecret[] {
  if (lines.some((line) => /^sops:\s*$/.test(line))) return [];
  const kind = lines.map((line) => /^(?:- |\s*)kind:\s*["']?(\w+)/.exec(line)?.[1]);
  const entries = readEntries(lines, offset).filter(
    ({ line }) => !lines[line - 1 - offset]?.includes('gitleaks:allow'),
  );
  if (kind.includes('Secret')) return judgeSecret(entries);
  if (kind.includes('Config') && entries.some(({ key }) => key === 'users')) return judgeKubeconfig(entries);
  return valuesFile.test(path) ? judgeValues(entries) : [];
}

/** Every `key: value` of a line of its own; the value of a block scalar is its lines, joined. */
function readEntries(lines: readonly string[], offset: number): readonly Entry[] {
  const entries: Entry[] = [];
  for (let index = 0; index < lines.length; index++) {
    const match = /^(\s*(?:- +)*)["']?([\w.-]+)["']?:(?:[ \t]+(\S.*))?$/.exec(lines[index] ?? '');
    if (!match) continue;
    const [, before = '', key = '', rest = ''] = match;
    const line = offset + index + 1;
    if (!/^[|>][-+0-9]*\s*$/.test(rest)) {
      entries.push({ indent: before.length, key, value: unquote(rest), line });
      continue;
    }
    const block: string[] = [];
    while (index + 1 < lines.length && isInside(lines[index + 1] ?? '', before.length))
      block.push((lines[++index] ?? '').trim());
    entries.push({ indent: before.length, key, value: block.join('\n').trim(), line: line + 1 });
  }
  return entries;
}

function isInside(line: string, indent: number): boolean {
  return line.trim() === '' || line.length - line.trimStart().length > indent;
}

function unquote(text: string): string {
  const quoted = /^(["'])(.*?)\1\s*(#.*)?$/.exec(text);
  return quoted ? (quoted[2] ?? '') : text.replace(/\s+#.*$/, '').trim();
}

function judgeSecret(entries: readonly Entry[]): readonly KubernetesSecret[] {
  const found: KubernetesSecret[] = [];
  let section: Entry | undefined;
  for (const entry of entries) {
    if (section && entry.indent <= section.indent) section = undefined;
    if (!section) {
      if ((entry.key === 'data' || entry.key === 'stringData') && entry.value === '') section = entry;
      continue;
    }
    const plain = section.key === 'stringData' ? entry.value : decode(entry.value);
    if (plain !== undefined && isCredential(entry.key, plain))
      found.push(
        describe('kubernetes-secret-value', `Value ‘${entry.key}’ of a plain Kubernetes Secret`, entry),
      );
  }
  return found;
}

function isCredential(key: string, plain: string): boolean {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(plain)) return true;
  if (key === '.dockerconfigjson' || key === '.dockercfg')
    return /"(auth|password)"\s*:\s*"[^"{$<]{8,}"/.test(plain);
  return credentialKey.test(key) && !namesAnother.test(key) && looksReal(plain);
}

function judgeKubeconfig(entries: readonly Entry[]): readonly KubernetesSecret[] {
  return entries
    .filter(({ key, value }) =>
      key === 'client-key-data'
        ? /PRIVATE KEY/.test(decode(value) ?? '')
        : (key === 'token' || key === 'password') && looksReal(value),
    )
    .map((entry) => describe('kubeconfig-credential', `‘${entry.key}’ of a kubeconfig`, entry));
}

function judgeValues(entries: readonly Entry[]): readonly KubernetesSecret[] {
  return entries
    .filter(
      ({ key, value }) =>
        /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(value) ||
        (credentialKey.test(key) && !namesAnother.test(key) && looksReal(value)),
    )
    .map((entry) => describe('values-credential', `Credential ‘${entry.key}’ in a values file`, entry));
}

function describe(rule: string, description: string, { line, value }: Entry): KubernetesSecret {
  return { rule, description, line, secret: value };
}

function decode(value: string): string | undefined {
  const compact = value.replace(/\s/g, '');
  if (compact === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(compact)) return undefined;
  return Buffer.from(compact, 'base64').toString('utf8');
}
