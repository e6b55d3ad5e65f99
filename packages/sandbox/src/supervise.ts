// Entry of the supervisor process: `node supervise.ts <absolute folder>`, started by startSandbox and by nobody else.
import { supervise } from './supervisor.ts';

process.exitCode = await supervise(process.argv[2] ?? '');
