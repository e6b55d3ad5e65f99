import { runAction } from '@zakenak/cli';

await runAction('scan-secrets');
