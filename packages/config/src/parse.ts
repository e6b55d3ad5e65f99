import { createFinding, type Files, type Finding } from '@zakenak/core';
import { type Position, parseDocument } from './document.ts';
import { configIsToml, configNotFound, InvalidConfigError } from './errors.ts';
import { convertLegacy } from './legacy.ts';
import type { Config } from './schema.ts';
import { validateConfig } from './validate.ts';

/** A zakenak.yaml that holds, with the findings about its old keys. */
export interface ParsedConfig {
  readonly config: Config;
  /** Workspace-relative path of the file. */
  readonly path: string;
  readonly findings: readonly Finding[];
}

/** Parses the text of a zakenak.yaml. Throws `config/invalid-yaml`, and InvalidConfigError with every problem and its line and column. */
export function parseConfig(source: string, path = 'zakenak.yaml'): ParsedConfig {
  const document = parseDocument(source, path);
  const { value, deprecations } = convertLegacy(document.value);
  const problems = validateConfig(value);
  if (problems.length > 0) {
    const findings = problems.map((problem) => {
      const position = problem.atKey ? document.locateKey(problem.pointer) : document.locate(problem.pointer);
      return toFinding(path, position, { ruleId: 'config/invalid', severity: 'high', ...problem });
    });
    throw new InvalidConfigError(path, findings);
  }
  const findings = deprecations.map((deprecation) =>
    toFinding(path, document.locateKey(deprecation.pointer), {
      ruleId: 'config/deprecated-key',
      severity: 'low',
      ...deprecation,
    }),
  );
  return { config: value as Config, path, findings };
}

/** Reads and parses a zakenak.yaml of the workspace. Throws `config/not-found` and what parseConfig throws. */
export async function readConfig(
  files: Pick<Files, 'stat' | 'readText' | 'resolve'>,
  path = 'zakenak.yaml',
): Promise<ParsedConfig> {
  if (/\.toml$/i.test(path)) throw configIsToml(path);
  const resolved = await files.resolve(path);
  // A link that leads out of the workspace was refused by resolve.
  const kind = (await files.stat(resolved))?.kind;
  if (kind !== 'file' && kind !== 'link') throw configNotFound(path);
  return parseConfig(await files.readText(resolved), path);
}

function toFinding(
  path: string,
  position: Position,
  problem: {
    readonly ruleId: string;
    readonly severity: 'high' | 'low';
    readonly message: string;
    readonly remedy?: string;
  },
): Finding {
  return createFinding({
    ruleId: problem.ruleId,
    severity: problem.severity,
    message: problem.message,
    ...(problem.remedy ? { remedy: problem.remedy } : {}),
    location: { path, startLine: position.line, startColumn: position.column },
    tool: 'zakenak',
  });
}
