import Type, { type TSchema } from 'typebox';

/** No other keys. */
export const closed = { additionalProperties: false } as const;
/** A text that is not empty. */
export const text = (description: string) => Type.String({ minLength: 1, description });
/** Texts that are not empty. */
export const list = (description: string) => Type.Array(Type.String({ minLength: 1 }), { description });
/** One of these words. */
export const choice = <const T extends string[]>(values: [...T], description: string) =>
  Type.Enum(values, { description });
/** A key that may be left out. */
export const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);
/** A duration as Go writes it. */
export const duration = (description: string) =>
  Type.String({ pattern: '^([0-9]+(ms|s|m|h))+$', description: `${description} Written 90s, 5m or 1h30m.` });
/** An amount of memory as Kubernetes writes it. */
export const quantity = (description: string) =>
  Type.String({ pattern: '^[0-9]+(Ki|Mi|Gi|Ti)?$', description });
/** A name that Helm and Kubernetes take. */
export const name = (description: string) =>
  Type.String({
    pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
    maxLength: 53,
    description: `${description} Lower-case letters, digits and dashes.`,
  });
/** Anything, by name. */
export const values = Type.Record(Type.String(), Type.Unknown());
