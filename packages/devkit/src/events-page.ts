import { runEventSchema } from '@zakenak/core';
import { renderTable as renderMarkdownTable } from './markdown-table.ts';

interface Property {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Property>>;
  readonly items?: Property;
}

interface EventType extends Property {
  readonly required: readonly string[];
}

/** The tables of docs/events.md: what every event bears, and what each type adds. */
export function renderEventTables(): string {
  const types = runEventSchema.anyOf as unknown as readonly (EventType &
    Required<Pick<Property, 'properties'>>)[];
  const [first] = types;
  const shared = Object.keys(first?.properties ?? {}).filter(
    (name) => name !== 'type' && types.every(({ properties }) => name in properties),
  );
  const tables = types.map(({ properties, required }) => {
    const { type } = properties;
    const own = Object.entries(properties).filter(([name]) => !shared.includes(name) && name !== 'type');
    return `### \`${type?.const}\`: ${type?.description?.toLowerCase()}\n\n${renderTable(own, required)}`;
  });
  const common = Object.entries(first?.properties ?? {}).filter(([name]) => shared.includes(name));
  return ['### Every event', renderTable(common, shared), ...tables].join('\n\n');
}

function renderTable(
  properties: readonly (readonly [string, Property])[],
  required: readonly string[],
): string {
  const rows = properties.map(([name, property]) => [
    `\`${name}\``,
    typeOf(property),
    `${property.description ?? ''}${required.includes(name) ? '' : ' (where there is one)'}`,
  ]);
  return renderMarkdownTable(['field', 'type', 'meaning'], rows);
}

function typeOf({ const: constant, enum: values, type, properties, items }: Property): string {
  if (constant !== undefined) return `\`${constant}\``;
  if (values) return values.map((value) => `\`${value}\``).join(', ');
  if (items?.properties) return `list of { ${Object.keys(items.properties).join(', ')} }`;
  if (properties) return `{ ${Object.keys(properties).join(', ')} }`;
  return type ?? '';
}
