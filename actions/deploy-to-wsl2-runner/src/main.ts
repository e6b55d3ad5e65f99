import { runAction } from '@zakenak/cli';

await runAction('deploy-to-wsl2-runner');
