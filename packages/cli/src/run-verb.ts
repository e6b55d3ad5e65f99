import { stat } from 'node:fs/promises';
import {
  type ActionSpec,
  asZakenakError,
  createErrorReport,
  exitCodes,
  type InputSpec,
  namesOf,
  parseInputs,
  type Report,
  readByAnyName,
  ZakenakError,
} from '@zakenak/core';
import type { EventFile } from '@zakenak/machine';
import { publicationInputs, publicationInputsOf, publicationOutputs, type Verb } from '@zakenak/pipeline';
import { listenForCancellation } from './cancel.ts';
import { openEvents } from './events.ts';
import { detailedExitCode } from './exit-code.ts';
import { publish } from './publish.ts';
import { version } from './version.ts';
import { type Surroundings, type Wired, wire } from './wiring.ts';

const endAfterMs = 3_500;

/** How a verb is called by its shell. */
export interface Call extends Surroundings {
  readonly verb: Verb;
  /** The text given for an input. */
  readonly read: (name: string) => string | undefined;
}

/** A spec with the inputs and outputs that every verb shares; a verb's own input of the same name wins. */
export function withPublicationInputs(spec: ActionSpec): ActionSpec {
  return {
    ...spec,
    inputs: {
      ...spec.inputs,
      ...Object.fromEntries(
        Object.entries(publicationInputsOf(spec)).filter(([name]) => !(name in spec.inputs)),
      ),
    },
    outputs: { ...spec.outputs, ...publicationOutputs },
  };
}

/** Parse the spec, call the engine, publish the report; returns the exit code. */
export async function runVerb(call: Call): Promise<number> {
  let print = (text: string): void => void process.stderr.write(text);
  const cancellation = listenForCancellation((text) => print(text));
  const spec = withPublicationInputs(call.verb.spec);
  const read = readByAnyName(spec.inputs, call.read);
  const wired = await wire({ ...call, read }, cancellation.signal);
  const startedAt = wired.context.ports.clock.now();
  print = wired.progress.print;
  const events = await openStream(call, wired).catch(asZakenakError);
  try {
    for (const name of secretInputs(namesOf(spec.inputs)))
      wired.context.ports.redactor.add(call.read(name) ?? '');
    const report = await judge(
      call,
      spec,
      wired.context,
      events instanceof ZakenakError ? events : undefined,
    );
    const settings = readPublication(call.verb.spec, call.read);
    return await publish(report, {
      ...wired.context.ports,
      version,
      startedAt,
      write: wired.write,
      command: wired.command,
      colour: wired.colour,
      json: call.json,
      detailed: detailedExitCode in spec.inputs && isTrue(call.read(detailedExitCode)),
      ...settings,
      forge: () => wired.context.forge(),
      ...(wired.insights ? { insights: wired.insights } : {}),
      onSettled: wired.progress.end,
    });
  } finally {
    cancellation.dispose();
    wired.progress.close();
    if (!(events instanceof ZakenakError)) await events?.close();
    if (cancellation.signal.aborted) endSoon();
  }
}

/** From here on everything that happens is in the stream. */
async function openStream(
  call: Call,
  { context, progress: { stream } }: Wired,
): Promise<EventFile | undefined> {
  const target = call.read('events')?.trim();
  const events = target ? await openEvents(target, call.json, context.ports) : undefined;
  if (events) stream.attach(events);
  stream.begin({ verb: call.verb.spec.verb, version });
  return events;
}

async function judge(
  call: Call,
  spec: ActionSpec,
  context: Wired['context'],
  early: ZakenakError | undefined,
): Promise<Report> {
  try {
    await requireFolder(context.ports.files.root);
    if (early) throw early;
    const inputs = parseInputs(spec, call.read);
    const { formats, outputFolder } = readPublication(call.verb.spec, call.read);
    if (formats.length > 0 && outputFolder === undefined) throw formatWithoutFolder(formats);
    return await call.verb.run(inputs, context);
  } catch (thrown) {
    const error = asZakenakError(context.signal.aborted ? context.signal.reason : thrown);
    if (context.env.ZAKENAK_DEBUG)
      context.ports.log.error(String(thrown instanceof Error ? thrown.stack : thrown));
    const report = createErrorReport(call.verb.spec.verb, error);
    const { findings } = error as { findings?: Report['findings'] };
    return findings ? { ...report, findings } : report;
  }
}

/** The engines have tidied up: a connection to a server that does not answer must not keep a cancelled run alive. Programs get their grace first. */
function endSoon(): void {
  setTimeout(() => process.exit(), endAfterMs).unref();
}

/** In a folder that is not there every program would look as if it were missing. */
async function requireFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) throw noSuchFolder(path);
}

function noSuchFolder(path: string): ZakenakError {
  return new ZakenakError({
    code: 'usage/no-such-folder',
    message: `There is no folder ${path} to work in.`,
    remedy: 'Name the folder of the checkout with --directory.',
    exitCode: exitCodes.badInput,
  });
}

function secretInputs(inputs: Readonly<Record<string, InputSpec>>): readonly string[] {
  return Object.entries(inputs)
    .filter(([, input]) => input.secret)
    .map(([name]) => name);
}

function isTrue(text: string | undefined): boolean {
  return /^(true|yes|on|1)$/i.test(text?.trim() ?? '');
}

/** A verb's own `format` is none of ours. */
function readPublication({ inputs }: ActionSpec, read: Call['read']) {
  // A bad value here must not hide the verdict: parseInputs has reported it already.
  const folder = read('output-dir')?.trim();
  const most = Number(read('annotations-max') || publicationInputs['annotations-max'].default);
  const formats = 'format' in inputs ? [] : (read('format') ?? '').split(/[\s,]+/).filter(Boolean);
  return {
    ...(folder ? { outputFolder: folder } : {}),
    formats,
    annotationsMax: Number.isInteger(most) ? most : publicationInputs['annotations-max'].default,
    comment: isTrue(read('comment')),
    status: isTrue(read('status')),
  };
}

function formatWithoutFolder(formats: readonly string[]): ZakenakError {
  return new ZakenakError({
    code: 'usage/format-without-folder',
    message: `There is no folder for the report files that were asked for: ${formats.join(', ')}.`,
    remedy: 'Name one with output-dir, or leave format out; --json prints the report.',
    exitCode: exitCodes.badInput,
  });
}
