import { runAction } from '@zakenak/cli';

await runAction('release');
