export { type JsonSchema, type OpenApi, renderSchemas } from './convert.ts';
export { prepareSchemas, type SchemaOptions } from './prepare.ts';
