type Mapping = Record<string, unknown>;

/** A key of the first Zakenak that was converted. */
export interface Deprecation {
  /** JSON pointer of the old key. */
  readonly pointer: string;
  readonly message: string;
  readonly remedy: string;
}

/**
 * Converts the keys of the first Zakenak (environment; registry as before; deploy.charts/values; build as one object; git.strategy) to today's.
 * Returns the new tree and what was converted; a tree without old keys comes back equal.
 */
export function convertLegacy(value: unknown): {
  readonly value: unknown;
  readonly deprecations: readonly Deprecation[];
} {
  if (!isMapping(value)) return { value, deprecations: [] };
  const deprecations: Deprecation[] = [];
  const note = (pointer: string, message: string, remedy: string) =>
    deprecations.push({ pointer, message, remedy });
  let tree: Mapping = { ...value };
  if (typeof tree.environment === 'string') tree = convertEnvironment(tree, note);
  if (isMapping(tree.build)) tree = convertBuild(tree, note);
  if (isMapping(tree.deploy) && ('charts' in tree.deploy || 'values' in tree.deploy))
    tree = convertDeploy(tree, tree.deploy, note);
  if (isMapping(tree.git) && 'strategy' in tree.git) {
    note('/git/strategy', 'git.strategy has no effect any more.', 'Remove git.strategy.');
  }
  return { value: tree, deprecations };
}

type Note = (pointer: string, message: string, remedy: string) => void;

function convertEnvironment(tree: Mapping, note: Note): Mapping {
  const { environment, ...rest } = tree;
  const name = String(environment);
  note(
    '/environment',
    '`environment` is the first Zakenak’s way.',
    `Write environments: { ${name}: { cluster: { context: … } } }.`,
  );
  if (isMapping(rest.environments)) return rest;
  // The first Zakenak deployed to the kubeconfig's current context.
  return { ...rest, environments: { [name]: { cluster: { context: 'current' } } } };
}

function convertBuild(tree: Mapping, note: Note): Mapping {
  const build = tree.build as Mapping;
  note(
    '/build',
    '`build` as one object is the first Zakenak’s way.',
    'Write build: [{ name: …, context: … }].',
  );
  const { gpu, ...rest } = build;
  const enabled = typeof gpu === 'boolean' ? { enabled: gpu } : gpu;
  return {
    ...tree,
    build: [{ name: tree.project, ...rest, ...(enabled === undefined ? {} : { gpu: enabled }) }],
  };
}

function convertDeploy(tree: Mapping, deploy: Mapping, note: Note): Mapping {
  const { charts, values, ...rest } = deploy;
  if (charts !== undefined) {
    note(
      '/deploy/charts',
      '`deploy.charts` is the first Zakenak’s way.',
      'Write deploy.releases: [{ name: …, chart: … }].',
    );
  }
  if (values !== undefined) {
    note(
      '/deploy/values',
      '`deploy.values` is the first Zakenak’s way.',
      'Write values: [...] at each release.',
    );
  }
  const files = values === undefined ? [] : Array.isArray(values) ? values : [values];
  const paths = charts === undefined ? [] : Array.isArray(charts) ? charts : [charts];
  const converted = paths.map((chart) => ({
    name: String(chart).split('/').filter(Boolean).at(-1),
    chart,
    ...(files.length ? { values: files } : {}),
  }));
  return {
    ...tree,
    deploy: { ...rest, releases: [...(Array.isArray(rest.releases) ? rest.releases : []), ...converted] },
  };
}

function isMapping(value: unknown): value is Mapping {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
