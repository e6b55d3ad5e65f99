import type { Command, Ports } from '@zakenak/core';
import type { BuildFailure, BuildResult } from '../builder.ts';

/** What every builder needs; `env` reaches its programs. */
export interface BuilderContext extends Pick<Ports, 'process' | 'files' | 'log' | 'progress'> {
  readonly env: Readonly<Record<string, string>>;
}

const keptLines = 400;

/** Runs one builder program, shows its steps as progress and keeps the last lines of both streams in the order they came. */
export async function runBuilder(
  context: BuilderContext,
  command: Pick<Command, 'program' | 'args' | 'timeoutMs' | 'env'>,
  signal?: AbortSignal,
): Promise<{ readonly failure: BuildFailure | undefined; readonly stdout: string }> {
  const lines: string[] = [];
  const onLine = (line: string) => {
    lines.push(line);
    if (lines.length > keptLines) lines.shift();
    context.log.debug(line);
    const [, step, text] = /^#\d+ \[([^\]]*\d+\/\d+)\] (.+)$/.exec(line) ?? [];
    if (step) context.progress.emit({ stage: 'build', subject: step, state: 'waiting', message: text ?? '' });
  };
  const env = { ...context.env, ...command.env };
  const result = await context.process.run({ ...command, env, cwd: context.files.root, onLine }, signal);
  const failure = result.exitCode === 0 ? undefined : { exitCode: result.exitCode, log: lines.join('\n') };
  return { failure, stdout: result.stdout };
}

/** Reads BuildKit's metadata file. */
export async function readMetadata(path: string, files: Pick<Ports, 'files'>['files']): Promise<BuildResult> {
  const metadata = JSON.parse(await files.readText(path)) as Record<string, unknown>;
  const text = (key: string) => (typeof metadata[key] === 'string' ? metadata[key] : undefined);
  return {
    digest: text('containerimage.digest'),
    configDigest: text('containerimage.config.digest'),
    metadata,
  };
}
