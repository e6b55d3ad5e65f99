import type { ActionSpec, InputSpec } from '@zakenak/core';

const width = 100;

/** `zakenak --help`: the verbs with their summaries. */
export function renderOverview(specs: readonly ActionSpec[], version: string): string {
  const longest = Math.max(...specs.map(({ verb }) => verb.length));
  const rows = specs.map(({ verb, summary }) => `  ${verb.padEnd(longest)}  ${summary}`);
  return [
    `zakenak ${version}: from feature branch to a proven deploy on GPUs`,
    '',
    'Usage: zakenak VERB [FLAGS]',
    '',
    ...rows,
    '',
    'zakenak VERB --help shows the flags of a verb. Every verb takes --json, --quiet and --directory DIR.',
    'Exit codes: 0 pass, 1 findings or rolled back, 2 bad input, 3 tool missing, 4 outside system failed,',
    '5 refused by a safety rule, 70 our bug, 130 and 143 cancelled.',
    '',
  ].join('\n');
}

/** `zakenak VERB --help`: summary, the verb's own flags, those of every verb, outputs, an example. `whole` is the spec with the flags of every verb. */
export function renderHelp(
  spec: ActionSpec,
  whole: ActionSpec,
  shellFlags: Readonly<Record<string, InputSpec>>,
): string {
  const shared = Object.entries({ ...whole.inputs, ...shellFlags }).filter(
    ([name]) => !(name in spec.inputs),
  );
  const outputs = Object.entries(spec.outputs).map(([name, { description }]) => `  ${name}: ${description}`);
  return [
    `zakenak ${spec.verb}: ${spec.summary}`,
    ...(spec.details ? ['', wrap(spec.details, '')] : []),
    '',
    `Usage: zakenak ${spec.verb}${renderWords(spec)} [FLAGS]`,
    '',
    'Flags',
    ...Object.entries(spec.inputs).map(([name, input]) => renderFlag(name, input)),
    '',
    'Flags of every verb',
    ...shared.map(([name, input]) => renderFlag(name, input)),
    ...(outputs.length ? ['', 'Outputs (in --json under `outputs`)', ...outputs] : []),
    ...(spec.example ? ['', 'Example', `  ${spec.example}`] : []),
    '',
  ].join('\n');
}

/** Words after the verb are its first input. */
function renderWords({ inputs }: ActionSpec): string {
  const [first] = Object.entries(inputs);
  if (!first || first[1].type === 'boolean') return '';
  const [name, input] = first;
  const word = input.type === 'choice' ? input.choices.join('|') : name.toUpperCase();
  return input.required ? ` ${word}` : ` [${word}${input.type === 'list' ? '…' : ''}]`;
}

function renderFlag(name: string, input: InputSpec): string {
  const value =
    input.type === 'boolean'
      ? ''
      : input.type === 'choice'
        ? ` ${input.choices.join('|')}`
        : ` ${input.type.toUpperCase()}`;
  const notes = [
    ...(input.aliases ?? []).map((alias) => `also --${alias}`),
    ...(input.required ? ['required'] : []),
    ...(input.default === undefined || input.default === false
      ? []
      : [`default ${[input.default].flat().join(',')}`]),
    ...(input.deprecated ? [`deprecated: ${input.deprecated}`] : []),
  ];
  const text = `${input.description}${notes.length ? ` (${notes.join('; ')})` : ''}`;
  return `  --${name}${value}\n${wrap(text, '      ')}`;
}

function wrap(text: string, indent: string): string {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1) ?? '';
    if (line.length + word.length + 1 > width - indent.length) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line) => indent + line).join('\n');
}
