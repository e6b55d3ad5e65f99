import { exitCodes, type Finding, ZakenakError } from '@zakenak/core';
import type { Position } from './document.ts';

/** The file is not YAML. */
export function invalidYaml(path: string, position: Position, reason: string): ZakenakError {
  return new ZakenakError({
    code: 'config/invalid-yaml',
    message: `${path}:${position.line}:${position.column}: ${reason}.`,
    remedy: 'Correct the YAML at the line and column named.',
    exitCode: exitCodes.badInput,
  });
}

/** The file is YAML but not a zakenak.yaml. Carries every problem with its place. */
export class InvalidConfigError extends ZakenakError {
  readonly findings: readonly Finding[];

  constructor(path: string, findings: readonly Finding[]) {
    const lines = findings.map(
      ({ location, message }) => `${path}:${location?.startLine}:${location?.startColumn}: ${message}`,
    );
    super({
      code: 'config/invalid',
      message: lines.join('\n'),
      remedy:
        findings.find(({ remedy }) => remedy)?.remedy ??
        'Correct the lines named; editors do so by the schema that `zakenak init` writes.',
      exitCode: exitCodes.badInput,
    });
    this.findings = findings;
  }
}

/** Another tool's configuration was given for ours. */
export function configIsToml(path: string): ZakenakError {
  return new ZakenakError({
    code: 'config/toml',
    message: `${path} is TOML, and \`config\` names a zakenak.yaml.`,
    remedy: 'Name gitleaks’ configuration with gitleaks-config, or policy.secrets.config of zakenak.yaml.',
    exitCode: exitCodes.badInput,
  });
}

/** There is no zakenak.yaml. */
export function configNotFound(path: string): ZakenakError {
  return new ZakenakError({
    code: 'config/not-found',
    message: `There is no ${path} in the workspace.`,
    remedy:
      'Go to the folder that holds it, name it with --directory or --config, or run `zakenak init` to write one.',
    exitCode: exitCodes.badInput,
  });
}

/** No environment of that name. */
export function unknownEnvironment(
  name: string | undefined,
  known: readonly string[],
  near?: string,
): ZakenakError {
  return new ZakenakError({
    code: 'config/unknown-environment',
    message: name
      ? `There is no environment '${name}'; zakenak.yaml has ${known.join(', ')}.`
      : `zakenak.yaml has several environments (${known.join(', ')}) and none was named.`,
    remedy: near ? `Use --environment ${near}.` : `Name one of them with --environment.`,
    exitCode: exitCodes.badInput,
  });
}
