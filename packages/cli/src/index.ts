export { runAction } from './action.ts';
export { runCli } from './cli.ts';
export { withPublicationInputs } from './run-verb.ts';
export { verbs } from './verbs.ts';
