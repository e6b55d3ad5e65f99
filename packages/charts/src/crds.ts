import { readKubernetesYaml } from '@zakenak/helm';

type Schema = { readonly [key: string]: unknown };

/** What a definition is named by becomes a file's name: these are Kubernetes' own rules, and lead nowhere. */
const names = {
  group: /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/,
  kind: /^[A-Za-z][A-Za-z0-9]*$/,
  version: /^[a-z0-9]+$/,
};

/** JSON schemas of the CustomResourceDefinitions in a YAML text, by `crdSchemaPath` as kubeconform fills it in (`example.com/thing_v1.json`). */
export function renderCrdSchemas(text: string): ReadonlyMap<string, Schema> {
  const made = new Map<string, Schema>();
  if (!text.includes('CustomResourceDefinition')) return made;
  for (const document of text.split(/^---(?=\s|$)/m)) {
    const { kind, spec } = asSchema(parse(document));
    if (kind !== 'CustomResourceDefinition') continue;
    const { group, names: called, versions } = asSchema(spec);
    const own = asSchema(called).kind;
    for (const version of Array.isArray(versions) ? versions.map(asSchema) : []) {
      const schema = asSchema(version.schema).openAPIV3Schema;
      if (!isSchema(schema) || !isNamed('group', group) || !isNamed('kind', own)) continue;
      if (!isNamed('version', version.name)) continue;
      const root = { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' } };
      const path = `${group}/${own.toLowerCase()}_${version.name}.json`;
      made.set(path, close({ ...schema, properties: { ...root, ...asSchema(schema.properties) } }));
    }
  }
  return made;
}

/** Where kubeconform finds them in their folder (kubeconform: pkg/registry). */
export const crdSchemaPath = '{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json';

/** Undefined for what Kubernetes could not read either, and where aliases would fill the memory: what is no definition adds no schema. */
function parse(text: string): unknown {
  if (!text.includes('CustomResourceDefinition')) return undefined;
  try {
    return readKubernetesYaml(text, { repeatedKeys: 'last', largeNumbers: 'round' }).documents[0];
  } catch {
    return undefined;
  }
}

function isNamed(part: keyof typeof names, value: unknown): value is string {
  return typeof value === 'string' && value.length < 254 && names[part].test(value);
}

function asSchema(value: unknown): Schema {
  return isSchema(value) ? value : {};
}

function close(schema: Schema): Schema {
  const made: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'properties' && isSchema(value))
      made.properties = Object.fromEntries(
        Object.entries(value).map(([name, part]) => [name, isSchema(part) ? close(part) : part]),
      );
    else if ((key === 'items' || key === 'additionalProperties') && isSchema(value)) made[key] = close(value);
    else if (!key.startsWith('x-kubernetes-') && key !== 'nullable') made[key] = value;
  }
  if (schema['x-kubernetes-int-or-string']) made.type = ['string', 'integer'];
  if (schema.nullable && typeof made.type === 'string') made.type = [made.type, 'null'];
  const open = schema['x-kubernetes-preserve-unknown-fields'] || schema['x-kubernetes-embedded-resource'];
  if (schema.properties && schema.additionalProperties === undefined && !open)
    made.additionalProperties = false;
  return made;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
