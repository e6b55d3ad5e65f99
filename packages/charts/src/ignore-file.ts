import { matchesGlob } from 'node:path';
import { assertLightGlob, type Finding } from '@zakenak/core';
import { badIgnoreFile } from './errors.ts';

/** One accepted kind of finding. */
interface IgnoreRule {
  readonly ruleId: string;
  readonly glob: string;
}

/**
 * Reads an ignore file: one `charts/rule path-glob` a line (`*` for every rule), `#` begins a comment. Throws `charts/bad-ignore-file` and `input/heavy-glob`.
 */
export function parseIgnoreFile(path: string, text: string): readonly IgnoreRule[] {
  return text.split('\n').flatMap((line, index) => {
    const words = line.replace(/(^|\s)#.*$/, '').trim();
    if (words === '') return [];
    const [ruleId, glob, ...more] = words.split(/\s+/);
    if (!ruleId || !glob || more.length > 0 || !/^(\*|charts\/[a-z-]+)$/.test(ruleId))
      throw badIgnoreFile(path, index + 1);
    assertLightGlob(glob);
    return [{ ruleId, glob }];
  });
}

/** The findings that no rule accepts. */
export function dropIgnored(findings: readonly Finding[], rules: readonly IgnoreRule[]): readonly Finding[] {
  return findings.filter(
    ({ ruleId, location }) =>
      !rules.some(
        (rule) =>
          (rule.ruleId === '*' || rule.ruleId === ruleId) && matchesGlob(location?.path ?? '', rule.glob),
      ),
  );
}
