export { type ConnectOptions, connectKube } from './connect.ts';
