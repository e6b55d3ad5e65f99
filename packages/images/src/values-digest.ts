import { isAlias, isMap, isScalar, parseDocument } from 'yaml';
import { badValuesFile } from './errors.ts';

/**
 * The YAML text with `digest` at the dotted key. A value that is there is replaced in place, so that every other byte stays; a missing key is added with
 * its parents. Throws `image/bad-values-file`.
 */
export function writeDigest(text: string, key: string, digest: string, path: string): string {
  const document = parseDocument(text, { keepSourceTokens: true });
  const [problem] = document.errors;
  if (problem) throw badValuesFile(path, problem.message.split('\n', 1)[0] ?? 'it is not YAML');
  const keys = key.split('.');
  if (keys.some((name) => name === '')) throw badValuesFile(path, `'${key}' is not a dotted key`);
  const node = document.getIn(keys, true);
  if (isScalar(node) && node.range) {
    const [start, end] = node.range;
    // An empty value's range begins right behind the colon.
    const gap = /[\s]$/.test(text.slice(0, start)) ? '' : ' ';
    return `${text.slice(0, start)}${gap}${digest}${text.slice(end)}`;
  }
  if (node !== undefined)
    throw badValuesFile(path, `${key} is ${isAlias(node) ? 'an alias' : 'not a single value'}`);
  for (let depth = 0; depth < keys.length; depth += 1) {
    const parent = depth === 0 ? document.contents : document.getIn(keys.slice(0, depth), true);
    if (
      parent !== undefined &&
      parent !== null &&
      !isMap(parent) &&
      !(isScalar(parent) && parent.value === null)
    )
      throw badValuesFile(path, `${keys.slice(0, depth).join('.') || 'the document'} is not a map`);
    if (isScalar(parent) && depth > 0) document.deleteIn(keys.slice(0, depth));
  }
  document.setIn(keys, digest);
  return document.toString({ lineWidth: 0 });
}
