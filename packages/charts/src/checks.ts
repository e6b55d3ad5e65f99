import { nearest } from '@zakenak/core';
import { unknownCheck } from './errors.ts';
import { checkNames } from './policies.ts';

/** The checks that a list of names and `-names` selects. Throws `charts/unknown-check`. */
export function selectChecks(listed: readonly string[]): ReadonlySet<string> {
  const names = listed.map((name) => name.replace(/^-/, ''));
  for (const name of names)
    if (!checkNames.includes(name)) throw unknownCheck(name, checkNames, nearest(name, checkNames));
  const excluded = new Set(listed.filter((name) => name.startsWith('-')).map((name) => name.slice(1)));
  const included = listed.filter((name) => !name.startsWith('-'));
  return new Set((included.length > 0 ? included : checkNames).filter((name) => !excluded.has(name)));
}
