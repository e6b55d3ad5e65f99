/** A JSON schema, or a part of one. */
export type JsonSchema = { readonly [key: string]: unknown };

/** The parts of Kubernetes' `api/openapi-spec/swagger.json` (OpenAPI 2) that are read. */
export interface OpenApi {
  readonly definitions: Readonly<Record<string, JsonSchema>>;
}

interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const prefix = '#/definitions/';
const intOrString = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';
const quantity = 'io.k8s.apimachinery.pkg.api.resource.Quantity';

/**
 * One file per kind, by kubeconform's name for it (`deployment-apps-v1.json`), and `_definitions.json` that they refer to. Strict: unknown fields are errors.
 * Follows the semantics of the "strict" variant of yannh/kubernetes-json-schema: optional fields accept null, as the API server does.
 */
export function renderSchemas(api: OpenApi): ReadonlyMap<string, JsonSchema> {
  const files = new Map<string, JsonSchema>();
  const definitions: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries(api.definitions)) {
    const kinds = kindsOf(definition);
    const [only] = kinds;
    definitions[name] = convertDefinition(name, definition);
    for (const kind of kinds) {
      // DeleteOptions and WatchEvent are listed under every group; they are never manifests.
      if (kinds.length > 1 || !only) continue;
      files.set(fileName(kind), renderKind(definitions[name] as JsonSchema, kind));
    }
  }
  files.set('_definitions.json', { definitions });
  return files;
}

/** kubeconform's `{{.ResourceKind}}{{.KindSuffix}}.json`: the group's first label and the version, lower case. */
function fileName({ group, version, kind }: Kind): string {
  const suffix = [group.split('.')[0] ?? '', version].filter((part) => part !== '').join('-');
  return `${kind}-${suffix}.json`.toLowerCase();
}

function kindsOf(definition: JsonSchema): readonly Kind[] {
  const list = definition['x-kubernetes-group-version-kind'];
  return Array.isArray(list) ? (list as Kind[]) : [];
}

function renderKind(definition: JsonSchema, { group, version, kind }: Kind): JsonSchema {
  const properties = definition.properties as Record<string, JsonSchema> | undefined;
  if (!properties) return definition;
  const apiVersion = group === '' ? version : `${group}/${version}`;
  return {
    ...definition,
    type: 'object',
    $schema: 'http://json-schema.org/draft-07/schema#',
    properties: {
      ...properties,
      ...(properties.apiVersion ? { apiVersion: { type: 'string', enum: [apiVersion] } } : {}),
      ...(properties.kind ? { kind: { type: 'string', enum: [kind] } } : {}),
    },
  };
}

function convertDefinition(name: string, definition: JsonSchema): JsonSchema {
  if (name === intOrString) return { type: ['string', 'integer', 'null'] };
  if (name === quantity) return { type: ['string', 'number', 'null'] };
  // References accept null too: a wrapper at each use would hide the path of what is wrong inside.
  return nullable(convert(definition));
}

function convert(schema: JsonSchema): JsonSchema {
  const made: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key.startsWith('x-kubernetes-')) continue;
    if (key === '$ref' && typeof value === 'string')
      made.$ref = `_definitions.json${prefix}${value.slice(prefix.length)}`;
    else if (key === 'properties') made.properties = convertProperties(schema);
    else if (key === 'format' && value === 'int-or-string') continue;
    else if (key === 'items' || key === 'additionalProperties')
      made[key] = isSchema(value) ? convert(value) : value;
    else made[key] = value;
  }
  if (schema.format === 'int-or-string') {
    delete made.type;
    made.oneOf = [{ type: 'string' }, { type: 'integer' }];
  }
  // Only objects with named fields are closed: one without any accepts everything.
  if (schema.properties && schema.additionalProperties === undefined) made.additionalProperties = false;
  return made;
}

function convertProperties(schema: JsonSchema): JsonSchema {
  const required = new Set(Array.isArray(schema.required) ? (schema.required as string[]) : []);
  const properties = schema.properties as Record<string, JsonSchema>;
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => {
      const converted = convert(property);
      return [name, required.has(name) ? converted : nullable(converted)];
    }),
  );
}

function nullable(schema: JsonSchema): JsonSchema {
  if (typeof schema.type === 'string') {
    const values = Array.isArray(schema.enum) ? { enum: [...schema.enum, null] } : {};
    return { ...schema, ...values, type: [schema.type, 'null'] };
  }
  return schema;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
