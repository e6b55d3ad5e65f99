import { createReport, defineSpec, type Report } from '@zakenak/core';
import { deploySpec } from '@zakenak/rollout';
import { type Bound, bindVerb } from '../bind.ts';
import { skip } from '../check-parts.ts';
import { build } from './build.ts';
import { deploy, writingKeys } from './rollout.ts';

const { images: _images, 'image-digests': _digests, plan: _plan, ...deployInputs } = deploySpec.inputs;

const spec = defineSpec({
  name: 'converge',
  verb: 'converge',
  summary: 'Build and push what changed, then deploy: build and deploy in one.',
  details: 'Kept from the first Zakenak. The digests that the build hands on are the ones that are deployed.',
  example: 'zakenak converge --environment prod',
  inputs: deployInputs,
  outputs: deploySpec.outputs,
});

const converge: Bound = async (read, settings, context) => {
  const built = (settings.config?.build ?? []).length
    ? await build(
        (name) => (name === 'push' ? 'true' : buildInputs.includes(name) ? read(name) : undefined),
        settings,
        context,
      )
    : skip('build-push-image', 'zakenak.yaml has no build.');
  if (built.verdict === 'failed' || built.verdict === 'errored') return join(built, [built]);
  const images = JSON.stringify(built.outputs.images ?? {});
  const deployed = await deploy((name) => (name === 'images' ? images : read(name)), settings, context);
  return join(deployed, [built, deployed]);
};

const buildInputs: readonly string[] = ['environment'];

function join({ verdict, summary, outputs }: Report, parts: readonly Report[]): Report {
  return createReport({ tool: 'converge', verdict, summary, outputs, parts });
}

/** `zakenak converge`. */
export const convergeVerb = bindVerb(spec, writingKeys, converge);
