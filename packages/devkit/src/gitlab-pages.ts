import { type ActionSpec, type InputSpec, namesOf } from '@zakenak/core';
import { manifest } from '@zakenak/toolchain';
import { defaultText, generatedNote, scalar } from './action-pages.ts';

/** Where a release's archive lies, and what it has to be. */
export interface Archive {
  readonly url: string;
  /** Hex digest; empty in the source tree, where no archive exists yet: the job then says what it needs. */
  readonly sha256: string;
}

/** Left out: what the job itself decides, and what only GitHub shows. */
const notOnGitlab: readonly string[] = ['output-dir', 'annotations-max'];

/**
 * A GitLab component (docs.gitlab.com, ci/components). Inputs reach the job as ZAKENAK_INPUT_* variables, never inside a script line;
 * secret ones are CI/CD variables of the project. The `zakenak` command comes from the image or from the release's archive, by its digest.
 */
export function renderGitlabTemplate(spec: ActionSpec, archive: Archive = { url: '', sha256: '' }): string {
  const usable = Object.entries(namesOf(spec.inputs)).filter(
    ([name, { secret }]) => !secret && !notOnGitlab.includes(name),
  );
  const variables = usable.map(([name]) => `    ${variableOf(name)}: "$[[ inputs.${name} ]]"`);
  return [
    generatedNote,
    'spec:',
    '  inputs:',
    ...jobInputs(archive),
    ...usable.flatMap(([name, input]) => renderInput(name, input)),
    '---',
    `"$[[ inputs.job-prefix ]]${spec.name}":`,
    '  stage: "$[[ inputs.stage ]]"',
    '  image: "$[[ inputs.job-image ]]"',
    '  variables:',
    '    GIT_DEPTH: "0"',
    '    ZAKENAK_ARCHIVE: "$[[ inputs.archive ]]"',
    '    ZAKENAK_ARCHIVE_SHA256: "$[[ inputs.archive-sha256 ]]"',
    ...variables,
    ...secretsNote(spec),
    '  script:',
    ...install,
    ...('images' in spec.inputs ? takeImages : []),
    `    - zakenak ${spec.verb} --output-dir .zakenak/reports`,
    '  artifacts:',
    '    when: always',
    '    paths: [.zakenak/reports/, zakenak.env, zakenak-summary.md]',
    '    reports:',
    '      codequality: .zakenak/reports/gl-code-quality-report.json',
    '      junit: .zakenak/reports/junit.xml',
    ...(spec.reports?.includes('gl-secret-detection')
      ? ['      secret_detection: .zakenak/reports/gl-secret-detection-report.json']
      : []),
    '',
  ].join('\n');
}

const install: readonly string[] = [
  '    - |',
  '      set -eu',
  '      if ! command -v zakenak > /dev/null; then',
  '        if [ -z "$ZAKENAK_ARCHIVE_SHA256" ]; then',
  "          echo 'There is no zakenak here. Include the template of a release, set archive and archive-sha256, or take an image that has it.' >&2",
  '          exit 3',
  '        fi',
  '        folder=$(mktemp -d)',
  '        curl --fail --silent --show-error --location --output "$folder/zakenak.tgz" "$ZAKENAK_ARCHIVE"',
  '        echo "$ZAKENAK_ARCHIVE_SHA256  $folder/zakenak.tgz" | sha256sum --check --quiet',
  '        tar -xzf "$folder/zakenak.tgz" -C "$folder"',
  '        export PATH="$folder/zakenak/bin:$PATH"',
  '      fi',
];

/** The build job's outputs come as an artifact: GitLab fixes inputs before any job has run. */
const takeImages: readonly string[] = [
  '    - |',
  '      if [ -z "$ZAKENAK_INPUT_IMAGES" ] && [ -f zakenak.env ]; then',
  "        ZAKENAK_INPUT_IMAGES=$(sed -n 's/^ZAKENAK_IMAGES=//p' zakenak.env | tail -n 1)",
  '        export ZAKENAK_INPUT_IMAGES',
  '      fi',
];

function jobInputs({ url, sha256 }: Archive): readonly string[] {
  return [
    '    stage:',
    '      description: "Stage of the job"',
    '      default: "test"',
    '    job-prefix:',
    '      description: "Put before the job’s name"',
    '      default: ""',
    '    job-image:',
    '      description: "Image with Node 24, git, curl, and the programs that the job runs, or Go to build them; see gitlab-templates/image/Dockerfile"',
    '      default: "node:24"',
    '    archive:',
    '      description: "Address of a release’s zakenak-VERSION.tgz, where the image has no zakenak"',
    `      default: ${scalar(url)}`,
    '    archive-sha256:',
    '      description: "What its SHA-256 has to be"',
    `      default: ${scalar(sha256)}`,
  ];
}

function renderInput(name: string, input: InputSpec): readonly string[] {
  const text = defaultText(input) ?? '';
  const choices =
    input.type === 'choice' ? input.choices : input.type === 'boolean' ? ['true', 'false'] : undefined;
  // A default has to be among the options.
  const options = choices && [...(choices.includes(text) ? [] : [text]), ...choices];
  return [
    `    ${name}:`,
    `      description: ${scalar(input.description)}`,
    `      default: ${scalar(text)}`,
    ...(options ? [`      options: [${options.map(scalar).join(', ')}]`] : []),
  ];
}

function secretsNote(spec: ActionSpec): readonly string[] {
  const names = Object.entries(spec.inputs)
    .filter(([name, { secret }]) => secret && !notOnGitlab.includes(name))
    .map(([name]) => variableOf(name));
  return names.length === 0
    ? []
    : [`    # Secrets come as masked CI/CD variables of the project: ${names.join(', ')}.`];
}

function variableOf(name: string): string {
  return `ZAKENAK_INPUT_${name.replaceAll('-', '_').toUpperCase()}`;
}

/** What the review runs besides git. */
const reviewPrograms = ['helm', 'kubeconform', 'gitleaks'] as const;

/** A Dockerfile of an image for these jobs, with the programs at the manifest's versions. */
export function renderGitlabImage({ url, sha256 }: Archive = { url: '', sha256: '' }): string {
  const builds = reviewPrograms.map((name) => {
    const { install: module, version } = manifest[name].go;
    return `RUN go install -trimpath -ldflags "-s -w" ${module}@${version}`;
  });
  return [
    '# Generated by `npm run generate`: an image for the GitLab jobs. Build it once, push it to your registry, and name it by digest as `image`.',
    'FROM golang:1.26-bookworm AS programs',
    'ENV CGO_ENABLED=0 GOBIN=/programs',
    ...builds,
    '',
    'FROM node:24-bookworm',
    'COPY --from=programs /programs/ /usr/local/bin/',
    `ARG ZAKENAK_ARCHIVE=${url}`,
    `ARG ZAKENAK_ARCHIVE_SHA256=${sha256}`,
    'ADD --checksum=sha256:$ZAKENAK_ARCHIVE_SHA256 $ZAKENAK_ARCHIVE /tmp/zakenak.tgz',
    'RUN tar -xzf /tmp/zakenak.tgz -C /opt && rm /tmp/zakenak.tgz',
    'ENV PATH=/opt/zakenak/bin:$PATH',
    '',
  ].join('\n');
}
