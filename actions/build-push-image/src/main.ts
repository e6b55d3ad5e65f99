import { runAction } from '@zakenak/cli';

await runAction('build-push-image');
