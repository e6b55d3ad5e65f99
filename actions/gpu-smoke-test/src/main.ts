import { runAction } from '@zakenak/cli';

await runAction('gpu-smoke-test');
