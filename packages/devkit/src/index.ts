export { type Bundle, bundle } from './bundle.ts';
export { distribute } from './distribute.ts';
export { actionSpecs, generate } from './generate.ts';
export { pack } from './pack.ts';
