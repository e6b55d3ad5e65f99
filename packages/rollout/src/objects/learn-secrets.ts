import type { KubeObject, Redactor } from '@zakenak/core';
import { isRecord } from './json.ts';
import { isSecretName } from './secret-names.ts';

type Learner = Pick<Redactor, 'add'>;

/**
 * Makes known to the redactor what the objects hold of secrets: every value of a Secret, also the passwords inside of its files, and in other objects what a
 * secret's name stands before: variables, arguments, keys, the user part of an address. `names` are of objects: no secrets, whatever they stand behind.
 */
export function learnFromObjects(
  objects: readonly KubeObject[],
  redactor: Learner,
  names: readonly string[] = [],
): void {
  const known = new Set([...names, ...objects.map(({ metadata }) => metadata.name)]);
  const learner = {
    add: (text: string): void => {
      if (!known.has(text)) redactor.add(text);
    },
  };
  for (const object of objects) {
    if (object.kind === 'CustomResourceDefinition') continue;
    if (object.kind === 'Secret') learnFromSecret(object, learner);
    const { data: _data, stringData: _text, ...rest } = object;
    learnFromValues(object.kind === 'Secret' ? rest : object, learner);
  }
}

/** The same for values of a chart, and for any other tree. */
export function learnFromValues(values: unknown, redactor: Learner): void {
  const visit = (name: string, value: unknown): void => {
    if (typeof value === 'string') {
      if (isSecretName(name)) learnNamed(value, redactor);
      learnFromText(value, redactor);
    } else if (typeof value === 'number') {
      if (isSecretName(name)) learnNamed(String(value), redactor);
    } else if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) visit(flagOf(value[index - 1]) ?? name, item);
    } else if (isRecord(value)) {
      const variable = typeof value['name'] === 'string' ? value['name'] : '';
      for (const [key, inner] of Object.entries(value)) visit(key === 'value' ? variable || key : key, inner);
    }
  };
  visit('', values);
}

/** Every value that might be one by its looks: for texts of others about values of which nobody has told yet what they are for. */
export function learnSuspects(values: unknown, redactor: Learner): void {
  if (typeof values === 'string') {
    if (values.length >= shortest && isMixed(values) && !/^[\w.-]+[/:][^@]*$|^v?\d+(?:\.\d+)+/.test(values))
      redactor.add(values);
  } else if (typeof values === 'object' && values !== null)
    for (const value of Object.values(values)) learnSuspects(value, redactor);
}

// Shorter values (`true`, `admin`) are too common in ordinary text to be masked everywhere.
const shortest = 8;
const shortestMixed = 6;

function learnFromSecret(secret: KubeObject, learner: Learner): void {
  for (const field of ['data', 'stringData'] as const) {
    for (const [key, value] of Object.entries((secret[field] ?? {}) as Record<string, unknown>)) {
      // Certificates are public.
      if (key.endsWith('.crt') || !['string', 'number'].includes(typeof value)) continue;
      const given = String(value);
      const text = field === 'data' ? Buffer.from(given, 'base64').toString('utf8') : given;
      for (const form of new Set([text, given])) {
        if (form.length >= shortest || (form.length >= shortestMixed && isMixed(form))) learner.add(form);
        else if (isSecretName(key)) learnNamed(form, learner);
      }
      learnFromText(text, learner);
    }
  }
}

function learnNamed(text: string, learner: Learner): void {
  // A reference to a secret that is elsewhere.
  if (/^\$[({]|^\{\{/.test(text)) return;
  if (text.length >= shortest ? !/^(?:true|false|disabled|required|optional)$/i.test(text) : isMixed(text))
    learner.add(text);
}

/** Letters together with something else: no word, and no number. */
function isMixed(text: string): boolean {
  return text.length >= 4 && /\p{L}/u.test(text) && /[^\p{L}]/u.test(text);
}

/** The option whose value comes next: `--password`. */
function flagOf(argument: unknown): string | undefined {
  return typeof argument === 'string' && /^--?[a-z][\w.-]*$/i.test(argument)
    ? argument.replace(/^-+/, '')
    : undefined;
}

const longestText = 1_000_000;
/** `name: value`, `name=value`, `"name":"value"`, `--name=value`. */
const assignment =
  /(?:^|[\s,;&?{"'-])([A-Za-z][\w.-]{1,60})["']?[ \t]*[:=][ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s"',;&}]+))/g;
const userInAddress = /:\/\/[^\s:/@]*:([^\s/@]+)@/g;

/** Secrets by name in a file, an argument or a JSON text, and passwords in addresses. */
function learnFromText(text: string, learner: Learner): void {
  if (text.length > longestText) return;
  if (/[:=]/.test(text))
    for (const [, name = '', double, single, bare] of text.matchAll(assignment))
      if (isSecretName(name)) learnNamed(double ?? single ?? bare ?? '', learner);
  if (text.includes('://'))
    for (const [, password = ''] of text.matchAll(userInAddress)) {
      learnNamed(password, learner);
      learnNamed(decoded(password), learner);
    }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
