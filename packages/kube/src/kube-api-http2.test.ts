import { playOver } from './testing/api-server.ts';

// Everything that holds over HTTP/1.1 holds over HTTP/2, where all requests share one connection.
playOver('h2');
await import('./kube-api.test.ts');
await import('./watch.test.ts');
