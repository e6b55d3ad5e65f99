import { parseAllDocuments } from 'yaml';

type Schema = { readonly [key: string]: unknown };

/** JSON schemas of the CustomResourceDefinitions in a YAML text, by kubeconform's file name (`thing-example-v1.json`). */
export function renderCrdSchemas(text: string): ReadonlyMap<string, Schema> {
  const made = new Map<string, Schema>();
  for (const document of parseAllDocuments(text)) {
    if (document.errors.length > 0) continue;
    const crd = toPlain(document);
    if (crd?.kind !== 'CustomResourceDefinition') continue;
    for (const version of crd.spec?.versions ?? []) {
      const schema = version.schema?.openAPIV3Schema;
      if (!schema) continue;
      const group = String(crd.spec.group).split('.')[0];
      const root = { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' } };
      const name = `${crd.spec.names?.kind}-${group}-${version.name}.json`.toLowerCase();
      made.set(name, close({ ...schema, properties: { ...root, ...schema.properties } }));
    }
  }
  return made;
}

/** Undefined where aliases would fill the memory: what is no definition adds no schema. */
function toPlain(document: ReturnType<typeof parseAllDocuments>[number]) {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch {
    return undefined;
  }
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
