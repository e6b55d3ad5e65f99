import type { ActionSpec, InputSpec } from '@zakenak/core';

const note = '# Generated from the spec by `npm run generate`.';

/** An action.yml for the source tree; the bundler points `main` at the bundle's stub. */
export function renderActionYaml(spec: ActionSpec): string {
  const inputs = Object.entries(spec.inputs).flatMap(([name, input]) => [
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
    note,
    `name: ${scalar(`Zakenak ${spec.name}`)}`,
    `description: ${scalar(spec.summary)}`,
    'inputs:',
    ...inputs,
    'outputs:',
    ...outputs,
    '  result:',
    '    description: "passed, failed, simulated, rolled-back, skipped or errored"',
    'runs:',
    '  using: node24',
    '  main: src/main.ts',
    'branding:',
    '  icon: check-circle',
    '  color: green',
    '',
  ].join('\n');
}

/** The tables of an action's README. */
export function renderInputTable(spec: ActionSpec): string {
  const inputs = Object.entries(spec.inputs).map(([name, input]) => {
    const value = defaultText(input);
    return `| \`${name}\` | ${input.type}${input.type === 'choice' ? ` (${input.choices.join(', ')})` : ''} | ${value ? `\`${value.replaceAll('|', '\\|')}\`` : input.required ? '**required**' : ''} | ${cell(input.description)}${input.deprecated ? ` **Deprecated:** ${cell(input.deprecated)}` : ''} |`;
  });
  const outputs = Object.entries({
    ...spec.outputs,
    result: { description: 'passed, failed, simulated, rolled-back, skipped or errored' },
  }).map(([name, { description }]) => `| \`${name}\` | ${cell(description)} |`);
  return [
    `${spec.summary}`,
    '',
    ...(spec.details ? [spec.details, ''] : []),
    '| input | type | default | meaning |',
    '| --- | --- | --- | --- |',
    ...inputs,
    '',
    '| output | meaning |',
    '| --- | --- |',
    ...outputs,
    ...(spec.example ? ['', 'On a laptop:', '', '```sh', spec.example, '```'] : []),
  ].join('\n');
}

/** A GitLab component (docs.gitlab.com, ci/components): inputs reach the job as ZAKENAK_INPUT_* variables, never inside a script line. */
export function renderGitlabTemplate(spec: ActionSpec): string {
  const usable = Object.entries(spec.inputs).filter(([, input]) => !input.secret);
  const inputs = usable.flatMap(([name, input]) => [
    `    ${name}:`,
    `      description: ${scalar(input.description)}`,
    `      default: ${scalar(defaultText(input) ?? '')}`,
    ...(input.type === 'choice'
      ? [
          `      options: [${['', ...input.choices]
            .filter((choice) => choice !== '' || input.default === undefined)
            .map(scalar)
            .join(', ')}]`,
        ]
      : []),
  ]);
  const variables = usable.map(
    ([name]) => `    ZAKENAK_INPUT_${name.replaceAll('-', '_').toUpperCase()}: $[[ inputs.${name} ]]`,
  );
  return [
    note,
    'spec:',
    '  inputs:',
    '    stage:',
    '      description: "Stage of the job"',
    '      default: "test"',
    '    job-prefix:',
    '      description: "Put before the job’s name"',
    '      default: ""',
    '    image:',
    '      description: "Image with Node 24, git and the zakenak command"',
    '      default: "node:24"',
    ...inputs,
    '---',
    `"$[[ inputs.job-prefix ]]${spec.name}":`,
    '  stage: $[[ inputs.stage ]]',
    '  image: $[[ inputs.image ]]',
    '  variables:',
    '    GIT_DEPTH: "0"',
    ...variables,
    '  script:',
    `    - zakenak ${spec.verb} --output-dir .zakenak/reports`,
    '  artifacts:',
    '    when: always',
    '    paths: [.zakenak/reports/]',
    '    reports:',
    '      codequality: .zakenak/reports/gl-code-quality-report.json',
    '      junit: .zakenak/reports/junit.xml',
    '',
  ].join('\n');
}

function defaultText(input: InputSpec): string | undefined {
  if (input.default === undefined) return undefined;
  return Array.isArray(input.default) ? input.default.join(',') : String(input.default);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s+/g, ' ');
}

/** A YAML double-quoted scalar: JSON strings are valid YAML. */
function scalar(text: string): string {
  return JSON.stringify(text);
}
