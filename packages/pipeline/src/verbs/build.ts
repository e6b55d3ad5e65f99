import { defineSpec, type Report } from '@zakenak/core';
import { buildImage, spec as engineSpec } from '@zakenak/images';
import { type Bound, bindInputs, bindVerb, given, type ReadInput } from '../bind.ts';
import { chooseImages, type ImageTarget, skipUnchanged } from '../image-targets.ts';
import { joinReports } from '../join-reports.ts';
import { isFork, refuseForks, type Settings } from '../settings.ts';

const { image, ...engineInputs } = engineSpec.inputs;

/** Inputs and outputs of build-push-image: the engine's, and which images of zakenak.yaml. */
export const buildSpec = defineSpec({
  ...engineSpec,
  details: `Without --image the images under \`build\` of zakenak.yaml are built, one after the other. ${engineSpec.details}`,
  inputs: {
    only: {
      type: 'list',
      description: 'Names of images under `build` of zakenak.yaml; all of them where none is named.',
    },
    image: { type: 'list', description: image.description },
    environment: {
      type: 'string',
      description: 'Environment of zakenak.yaml whose registry and build arguments are used.',
    },
    'changed-only': {
      type: 'boolean',
      description: 'Only images of zakenak.yaml whose context the event’s commits touch.',
      default: false,
    },
    ...engineInputs,
  },
  outputs: {
    ...engineSpec.outputs,
    images: { description: 'JSON object: name under `build` to its digest, reference and release.' },
  },
});

/** Builds the named image, or those of zakenak.yaml. A fork's pull request pushes nothing and gets neither build secrets nor a login. */
export const build: Bound = async (read, settings, context) => {
  const asked = bindInputs(buildSpec, read, {});
  if (asked.push) refuseForks(settings.event, 'pushing an image');
  const chosen = chooseImages(asked, settings.config);
  const targets = asked['changed-only']
    ? skipUnchanged(chosen, await context.ports.git.changedFiles(await context.range()))
    : chosen;
  const gate = await readGate(settings);
  const reader = isFork(settings.event) ? withhold(read) : read;
  const reports: Report[] = [];
  for (const target of targets) {
    const inputs = bindInputs(engineSpec, reader, { ...gate, ...target.inputs });
    const { host } = context.ports;
    const repositoryUrl = host.repository?.url || undefined;
    const request = { ...inputs, event: settings.event, ...(repositoryUrl ? { repositoryUrl } : {}) };
    reports.push(await buildImage(request, context.ports, context.signal));
  }
  return report(targets, reports, reader === read);
};

/** `zakenak build` and build-push-image. */
export const buildVerb = bindVerb(
  buildSpec,
  {
    image: 'build[].image',
    context: 'build[].context',
    file: 'build[].dockerfile',
    target: 'build[].target',
    'build-args': 'build[].args',
    platforms: 'build[].platforms',
    scan: 'policy.images.failOn',
    scanner: 'policy.images.scanner',
  },
  build,
);

async function readGate(settings: Settings): Promise<Record<string, string>> {
  const policy = (await settings.policy())?.images;
  if (!policy) return {};
  if (policy.scanner === 'off') return { scan: 'off' };
  return { scan: policy.failOn ?? 'high', ...(policy.scanner ? { scanner: policy.scanner } : {}) };
}

const withheld = ['secrets', 'secret-files', 'username', 'password'];

function withhold(read: ReadInput): ReadInput {
  return (name) => (withheld.includes(name) ? undefined : given(read, name));
}

function report(targets: readonly ImageTarget[], reports: readonly Report[], trusted: boolean): Report {
  const images = Object.fromEntries(
    targets.map(({ name, release, valuesPath, repository }, index) => {
      const outputs = reports[index]?.outputs ?? {};
      const { digest = '', 'image-ref': reference = '', pushed = false } = outputs;
      return [name, { repository, digest, reference, pushed, release, valuesPath }];
    }),
  );
  const joined = joinReports(buildSpec.name, reports, {
    skipped: 'No image’s context was touched.',
    summary: `${reports.length} images: ${targets.map(({ name }) => name).join(', ')}.`,
  });
  return {
    ...joined,
    outputs: { ...joined.outputs, images },
    caveats: trusted
      ? joined.caveats
      : [...joined.caveats, 'A fork’s pull request: build secrets and the registry login were withheld.'],
  };
}
