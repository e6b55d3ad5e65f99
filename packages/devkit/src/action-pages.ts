import { type ActionSpec, type InputSpec, namesOf } from '@zakenak/core';
import { renderTable } from './markdown-table.ts';

/** First line of every generated file that takes comments. */
export const generatedNote = '# Generated from the spec by `npm run generate`.';

/** An action.yml (docs.github.com, metadata syntax) for the source tree; the bundler points `main` at the bundle's stub. */
export function renderActionYaml(spec: ActionSpec): string {
  const inputs = Object.entries(namesOf(spec.inputs)).flatMap(([name, input]) => [
    `  ${name}:`,
    `    description: ${scalar(input.description)}`,
    `    required: ${input.required ?? false}`,
    ...(defaultText(input) === undefined ? [] : [`    default: ${scalar(defaultText(input) ?? '')}`]),
    ...(input.deprecated ? [`    deprecationMessage: ${scalar(input.deprecated)}`] : []),
  ]);
  const outputs = Object.entries(spec.outputs).flatMap(([name, { description }]) => [
    `  ${name}:`,
    `    description: ${scalar(description)}`,
  ]);
  return [
    generatedNote,
    `name: ${scalar(`Zakenak ${spec.name}`)}`,
    `description: ${scalar(spec.summary)}`,
    'inputs:',
    ...inputs,
    'outputs:',
    ...outputs,
    'runs:',
    '  using: node24',
    '  main: src/main.ts',
    'branding:',
    '  icon: check-circle',
    '  color: green',
    '',
  ].join('\n');
}

/** The generated part of an action's README: what it does, its inputs and outputs, its command line. */
export function renderInputTable(spec: ActionSpec): string {
  const inputs = Object.entries(spec.inputs).map(([name, input]) => [
    [name, ...(input.aliases ?? [])].map((called) => `\`${called}\``).join(' or '),
    input.type === 'choice' ? `choice (${input.choices.join(', ')})` : input.type,
    defaultCell(input),
    `${input.description}${input.secret ? ' A secret.' : ''}${input.deprecated ? ` **Deprecated:** ${input.deprecated}` : ''}`,
  ]);
  const outputs = Object.entries(spec.outputs).map(([name, { description }]) => [`\`${name}\``, description]);
  return [
    '',
    spec.summary,
    '',
    ...(spec.details ? [spec.details, ''] : []),
    '```yaml',
    ...renderUse(spec),
    '```',
    '',
    '## Inputs',
    '',
    renderTable(['input', 'type', 'default', 'meaning'], inputs),
    '',
    '## Outputs',
    '',
    renderTable(['output', 'meaning'], outputs),
    '',
    ...(spec.example ? ['## On a laptop', '', '```sh', spec.example, '```', ''] : []),
    '## On GitLab, Bitbucket and Azure',
    '',
    `The component \`${spec.name}\` of the [GitLab components](../../gitlab-templates/README.md); on Bitbucket and Azure a step runs the command:`,
    '[Hosts and forges](../../docs/hosts.md).',
    '',
  ].join('\n');
}

/** A step with the inputs that it cannot do without. */
function renderUse(spec: ActionSpec): readonly string[] {
  const required = Object.entries(spec.inputs).filter(([, input]) => input.required);
  return [
    `- uses: zakenak/${spec.name}@v1`,
    ...(required.length > 0 ? ['  with:', ...required.map(([name]) => `    ${name}: …`)] : []),
  ];
}

function defaultCell(input: InputSpec): string {
  const text = defaultText(input);
  if (text === undefined) return input.required ? '**required**' : '';
  return text === '' ? '' : `\`${text}\``;
}

/** The default as a workflow would write it; undefined where there is none. */
export function defaultText(input: InputSpec): string | undefined {
  if (input.default === undefined) return undefined;
  return Array.isArray(input.default) ? input.default.join(',') : String(input.default);
}

/** A YAML double-quoted scalar: JSON strings are valid YAML. */
export function scalar(text: string): string {
  return JSON.stringify(text);
}
