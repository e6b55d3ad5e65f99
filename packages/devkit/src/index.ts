export { type Bundle, bundle } from './bundle.ts';
export { generate } from './generate.ts';
