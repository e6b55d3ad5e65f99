import { defineSpec } from '@zakenak/core';

/** Inputs and outputs of the `build-push-image` action and the `build` verb. */
export const spec = defineSpec({
  name: 'build-push-image',
  verb: 'build',
  summary: 'Build an image, scan it, push it and hand on its confirmed digest.',
  details:
    'The digest that comes out was read back from the registry and recomputed from the manifest’s bytes. A single-platform build ' +
    'gives a plain manifest; provenance is added only when asked for. Same commit, same base images: same digest.',
  example: 'zakenak build --image localhost:5000/app --context .',
  inputs: {
    image: {
      type: 'list',
      required: true,
      description: 'Image names without tag, each with its registry: ghcr.io/acme/app.',
    },
    tags: {
      type: 'list',
      description:
        'Tags. Where none are given they follow from the event: versions, branch, pull request, commit.',
    },
    context: { type: 'string', description: 'The build context, a folder of the workspace.', default: '.' },
    file: { type: 'string', description: 'The Dockerfile; `<context>/Dockerfile` where not given.' },
    platforms: {
      type: 'list',
      description: 'Platforms such as linux/amd64; the builder’s own where none are given.',
    },
    'build-args': {
      type: 'string',
      description: 'Build arguments, one NAME=value per line. Not for secrets.',
    },
    secrets: { type: 'string', secret: true, description: 'Build secrets, one id=value per line.' },
    'secret-files': { type: 'list', description: 'Build secrets from files, each id=path.' },
    target: { type: 'string', description: 'The build stage to stop at.' },
    labels: { type: 'string', description: 'Further labels, one name=value per line.' },
    push: {
      type: 'boolean',
      description: 'Push to the registry; otherwise only build (and scan).',
      default: false,
    },
    cache: {
      type: 'string',
      description:
        'auto (the builder’s own cache), off, or a registry reference: pull requests read it, others also write it.',
      default: 'auto',
    },
    provenance: {
      type: 'choice',
      choices: ['auto', 'true', 'false'],
      description:
        'Attach SLSA provenance (mode=max), which turns the manifest into an index. auto: only with several platforms.',
      default: 'auto',
    },
    sbom: { type: 'boolean', description: 'Write an SPDX SBOM with syft.', default: false },
    'sbom-file': { type: 'string', description: 'Where the SBOM goes.', default: 'sbom.spdx.json' },
    scan: {
      type: 'choice',
      choices: ['off', 'low', 'medium', 'high', 'critical'],
      aliases: ['severity-threshold'],
      description: 'Scan before the push and stop at vulnerabilities at least this bad.',
      default: 'off',
    },
    scanner: { type: 'choice', choices: ['trivy', 'grype'], description: 'The scanner.', default: 'trivy' },
    'scan-ignore-unfixed': {
      type: 'boolean',
      description: 'Leave out vulnerabilities without a fixed version.',
      default: false,
    },
    builder: {
      type: 'choice',
      choices: ['auto', 'buildx', 'buildctl', 'docker', 'buildah', 'private'],
      description: 'What builds. private: a BuildKit daemon of this run alone, which needs root and runc.',
      default: 'auto',
    },
    'buildkit-address': {
      type: 'string',
      description:
        'Address of a running buildkitd, such as unix:///run/buildkit/buildkitd.sock; BUILDKIT_HOST otherwise.',
    },
    username: { type: 'string', description: 'User at the registry.' },
    password: { type: 'string', secret: true, description: 'Password or token at the registry.' },
    'insecure-registry': {
      type: 'boolean',
      description: 'Allow HTTP and unknown certificates; only for a registry on this machine.',
      default: false,
    },
    'values-file': { type: 'string', description: 'A YAML file to write the digest into.' },
    'values-key': {
      type: 'string',
      description: 'Where in the values file the digest goes.',
      default: 'image.digest',
    },
    timeout: { type: 'duration', description: 'Longest time one build may take.', default: '60m' },
  },
  outputs: {
    digest: { description: 'The digest, `sha256:…`; of the pushed manifest where it was pushed.' },
    'image-ref': { description: 'The first image by digest: name@sha256:….' },
    tags: { description: 'Every reference that was made, as a JSON list.' },
    pushed: { description: '`true` when the image is in the registry.' },
    'sbom-file': { description: 'Path of the SBOM, empty where none was asked for.' },
    'findings-count': { description: 'Number of findings.' },
    metadata: { description: 'The builder’s metadata as JSON.' },
  },
});
