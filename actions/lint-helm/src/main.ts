import { runAction } from '@zakenak/cli';

await runAction('lint-helm');
