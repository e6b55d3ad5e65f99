import type { Redactor } from '../redactor.ts';
import type { Files } from './files.ts';
import type { CiHost, Forge } from './forge.ts';
import type { Git } from './git.ts';
import type { KubeApi } from './kube.ts';
import type { Log, Progress } from './log.ts';
import type { Clock, Http } from './machine.ts';
import type { ProcessRunner } from './process.ts';

/** Everything an engine may reach the world through. An engine takes `Pick<Ports, …>`: the Pick shows its reach. */
export interface Ports {
  readonly process: ProcessRunner;
  readonly files: Files;
  readonly clock: Clock;
  readonly http: Http;
  readonly git: Git;
  readonly kube: KubeApi;
  readonly forge: Forge;
  readonly host: CiHost;
  readonly log: Log;
  readonly progress: Progress;
  readonly redactor: Redactor;
}
