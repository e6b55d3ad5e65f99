// Entry of the supervisor process: `node supervise.ts <absolute folder>`, started by startSandbox and by nobody else.
import { supervise } from './supervisor.ts';

// The bundle is CommonJS, which awaits nothing at its top level.
void supervise(process.argv[2] ?? '').then((code) => {
  process.exitCode = code;
});
