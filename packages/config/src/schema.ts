import Type, { type Static } from 'typebox';
import { conflict, drift, health, ruleParts, ruleText } from './schema-rules.ts';
import { choice, closed, duration, list, name, optional, quantity, text, values } from './schema-words.ts';

const build = Type.Object(
  {
    name: name('Name of the image; the release of the same name gets its digest.'),
    image: optional(text('Repository of the image; registry/name where nothing is said.')),
    context: text('Folder that is sent to the builder.'),
    dockerfile: optional(text('Dockerfile, relative to the context. Dockerfile where nothing is said.')),
    target: optional(text('Stage to build.')),
    args: optional(
      Type.Record(Type.String(), Type.String(), {
        description: 'Build arguments. Never secrets: they stay in the image.',
      }),
    ),
    platforms: optional(list('Platforms such as linux/amd64; the builder’s own where nothing is said.')),
    gpu: optional(
      Type.Object({ enabled: Type.Boolean({ description: 'The image needs a GPU at run time.' }) }, closed),
    ),
    release: optional(name('The release whose values get the digest.')),
    valuesPath: optional(
      text(
        'Key of the release’s values that gets the image, image where nothing is said: as repository@digest where the chart has text there, else as a map of repository and digest.',
      ),
    ),
  },
  {
    ...closed,
    description: 'An image built from this repository; its digest flows into a release’s values.',
  },
);

const smoke = Type.Object(
  {
    level: optional(
      choice(
        ['driver', 'toolkit', 'container', 'kubernetes', 'compute', 'inference'],
        'How deep the GPU is proven.',
      ),
    ),
    model: optional(text('Model that answers at level inference.')),
    image: optional(text('Image of the probe pod, by digest.')),
    expectedCount: optional(Type.Integer({ minimum: 0, description: 'GPUs that have to be there.' })),
    minMemory: optional(quantity('Memory each GPU has at least.')),
    timeout: optional(duration('Longest the test may take.')),
  },
  { ...closed, description: 'The GPU smoke test after a deploy; a failure rolls the whole set back.' },
);

const environment = Type.Object(
  {
    cluster: Type.Object(
      {
        context: text('Context of the kubeconfig.'),
        kubeconfig: optional(text('Kubeconfig file; KUBECONFIG and ~/.kube/config where nothing is said.')),
        minVersion: optional(
          Type.String({
            pattern: '^v?1\\.[0-9]+(\\.[0-9]+)?$',
            description: 'Oldest Kubernetes accepted: "1.25".',
          }),
        ),
      },
      { ...closed, description: 'Where the environment’s releases go.' },
    ),
    namespace: optional(name('Namespace of releases that name none.')),
    registry: optional(text('Registry in place of the top-level one.')),
    values: optional(list('Values files with one top-level key per release, and `global` for all.')),
    buildArgs: optional(
      Type.Record(Type.String(), Type.String(), { description: 'Build arguments added to every image.' }),
    ),
    smoke: optional(smoke),
  },
  { ...closed, description: 'One place to deploy to.' },
);

const release = Type.Object(
  {
    name: name('Name of the Helm release.'),
    namespace: optional(name('Namespace; the environment’s, then deploy.namespace where nothing is said.')),
    chart: text('Folder, .tgz, oci:// reference, or name in `repo`.'),
    version: optional(text('Version or range of a chart that is not a folder.')),
    repo: optional(text('Address of a classic chart repository.')),
    values: optional(
      Type.Union([list('Values files.'), values], { description: 'Values files, or values written here.' }),
    ),
    valuesFrom: optional(
      Type.Array(
        Type.Object(
          {
            file: text('YAML or JSON file; one that SOPS encrypted is decrypted.'),
            optional: optional(Type.Boolean({ description: 'Go on where the file is not there.' })),
            targetPath: optional(text('Key of the values, with dots, under which the file’s values go.')),
          },
          { ...closed, description: 'A file of values.' },
        ),
        { description: 'Files of values that win over `values`; the environment’s values win over them.' },
      ),
    ),
    needs: optional(Type.Array(name('A release.'), { description: 'Releases that have to be ready first.' })),
    environments: optional(list('Only in these environments.')),
    gpu: optional(
      Type.Object(
        {
          count: optional(Type.Integer({ minimum: 0, description: 'GPUs the release takes.' })),
          minMemory: optional(quantity('GPU memory it takes.')),
        },
        { ...closed, description: 'What the release needs of the GPUs; checked before the deploy.' },
      ),
    ),
    timeout: optional(duration('Longest the release may take to become ready.')),
    test: optional(
      Type.Boolean({
        description:
          'Run the chart’s tests when it was installed or upgraded; a failed one fails the release.',
      }),
    ),
    drift: optional(
      Type.Object(
        {
          ignore: optional(
            Type.Array(Type.Object(ruleParts, { ...closed, description: ruleText }), {
              description: 'Differences of this release that are left alone.',
            }),
          ),
        },
        { ...closed, description: 'What of this release’s differences counts as drift.' },
      ),
    ),
  },
  { ...closed, description: 'A Helm release.' },
);

const policy = Type.Object(
  {
    commits: optional(
      Type.Object(
        {
          require: optional(choice(['signed', 'off'], 'What every commit has to be.')),
          allowedSigners: optional(text('allowed_signers file for SSH signatures (ssh-keygen(1)).')),
          keyring: optional(text('File or folder of armored OpenPGP public keys.')),
          revokedKeys: optional(text('File of revoked SSH keys: a key revocation list, or public keys.')),
          caCertificates: optional(text('PEM file or folder of trusted X.509 certificates.')),
          revocationLists: optional(text('Certificate revocation list, or folder of them.')),
          trustedRoot: optional(text('Trusted root of Sigstore (JSON) for gitsign signatures.')),
          identities: optional(
            Type.Array(text('ISSUER SUBJECT-PATTERN [COMMITTER-PATTERN]'), {
              description: 'Who may sign by gitsign.',
            }),
          ),
          webFlow: optional(choice(['allow', 'merge-only', 'deny'], 'Commits that the forge itself signed.')),
          bots: optional(
            list('Author addresses whose commits the forge may sign also where they are no merges.'),
          ),
          requireDco: optional(Type.Boolean({ description: 'Demand a Signed-off-by line of the author.' })),
          minStrength: optional(Type.Integer({ minimum: 2048, description: 'Fewest bits of an RSA key.' })),
          graceExpired: optional(duration('How long an expired key still counts.')),
          mode: optional(choice(['local', 'api', 'both'], 'Who judges: this engine, the forge, or both.')),
          tags: optional(list('Patterns (v*) of tags that have to be annotated and signed.')),
          failOn: optional(choice(['unverified', 'none'], 'Fail on what is not verified, or never.')),
        },
        { ...closed, description: 'Commit signatures.' },
      ),
    ),
    secrets: optional(
      Type.Object(
        {
          baseline: optional(text('Baseline of findings already dealt with.')),
          config: optional(text('gitleaks configuration.')),
          failOn: optional(choice(['any', 'new'], 'Which findings fail.')),
        },
        { ...closed, description: 'Secret scanning.' },
      ),
    ),
    images: optional(
      Type.Object(
        {
          failOn: optional(
            choice(['low', 'medium', 'high', 'critical'], 'Mildest vulnerability that fails.'),
          ),
          scanner: optional(choice(['trivy', 'grype', 'off'], 'Vulnerability scanner.')),
        },
        { ...closed, description: 'Image scanning.' },
      ),
    ),
    rollback: optional(
      Type.Object(
        {
          onFailure: optional(choice(['set', 'release', 'keep'], 'What is put back when a release fails.')),
          allowIrreversible: optional(Type.Boolean({ description: 'Deploy also what cannot be put back.' })),
        },
        { ...closed, description: 'Rollback.' },
      ),
    ),
    charts: optional(
      Type.Object(
        {
          strict: optional(Type.Boolean({ description: 'Warnings of helm lint fail.' })),
          kubernetesVersions: optional(list('Kubernetes versions that charts are checked against.')),
          checks: optional(list('Checks to run; -name leaves one out.')),
          values: optional(
            list('Globs from the chart’s folder: each file is rendered besides the defaults.'),
          ),
          crdDirs: optional(list('Folders of CustomResourceDefinitions whose kinds are checked too.')),
          schemaLocations: optional(
            list('Folders or path templates of more JSON schemas in the repository.'),
          ),
          versionBump: optional(
            choice(['off', 'warn', 'error'], 'Ask of a changed chart that its version rose.'),
          ),
          ignoreFile: optional(text('File of accepted kinds of findings, which are left out.')),
          baseline: optional(text('File of the very findings that were there before: they do not fail.')),
          failOn: optional(
            choice(['info', 'low', 'medium', 'high', 'critical', 'none'], 'Mildest finding that fails.'),
          ),
        },
        { ...closed, description: 'Chart checks.' },
      ),
    ),
  },
  { ...closed, description: 'What has to hold. Read from the base branch on a pull request.' },
);

/** The one description of zakenak.yaml: static types, validation and the editors' JSON Schema come from it. */
export const configSchema = Type.Object(
  {
    project: name('Name of the project; also of its set of releases.'),
    registry: optional(text('Registry and path that images are pushed to: ghcr.io/acme.')),
    build: optional(Type.Array(build, { description: 'Images built from this repository.' })),
    environments: Type.Record(Type.String({ pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' }), environment, {
      description: 'Places to deploy to, by name.',
    }),
    deploy: optional(
      Type.Object(
        {
          namespace: optional(name('Namespace of releases that name none.')),
          releases: optional(
            Type.Array(release, { description: 'The set of Helm releases: deployed and put back as one.' }),
          ),
          conflicts: optional(
            Type.Array(conflict, {
              description:
                'Fields that another manager owns: the first rule that fits decides. Where none does, those of people’s tools, Helm and Zakenak are taken and all others refused.',
            }),
          ),
          manifests: optional(list('Files and folders of plain manifests, applied before the releases.')),
          helmTimeout: optional(
            duration(
              'Longest that a helm run by hand or by another tool may be at a revision: hooks, readiness and hooks, each for its --timeout. A younger one that is pending is waited for, an older one taken for gone. 15m by default.',
            ),
          ),
          historyLimit: optional(
            Type.Integer({
              minimum: 2,
              description: 'Revisions of each release that are kept: 10 by default.',
            }),
          ),
        },
        { ...closed, description: 'What is deployed.' },
      ),
    ),
    git: optional(
      Type.Object(
        {
          branch: optional(text('Branch that is deployed. main where nothing is said.')),
          paths: optional(list('Folders whose changes matter.')),
          strategy: optional(text('Kept for the first Zakenak; has no effect.')),
        },
        { ...closed, description: 'The Git side.' },
      ),
    ),
    policy: optional(policy),
    drift: optional(drift),
    health: optional(Type.Array(health, { description: 'How custom resources tell that they are ready.' })),
    smoke: optional(smoke),
  },
  {
    ...closed,
    $id: 'urn:zakenak:zakenak.yaml',
    title: 'zakenak.yaml',
    description: 'What Zakenak builds, checks and deploys.',
  },
);

/** zakenak.yaml after validation. */
export type Config = Static<typeof configSchema>;
/** An image of `build`. */
export type BuildConfig = Static<typeof build>;
/** A release of `deploy.releases`. */
export type ReleaseConfig = Static<typeof release>;
/** One of `environments`. */
export type EnvironmentConfig = Static<typeof environment>;
/** The `smoke` settings. */
export type SmokeConfig = Static<typeof smoke>;
/** The `policy` settings. */
export type PolicyConfig = Static<typeof policy>;

/** The JSON Schema for editors, as the text of zakenak.schema.json. */
export function renderConfigJsonSchema(): string {
  return `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...configSchema }, null, 2)}\n`;
}
