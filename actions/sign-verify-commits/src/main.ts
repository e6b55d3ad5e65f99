import { runAction } from '@zakenak/cli';

await runAction('sign-verify-commits');
