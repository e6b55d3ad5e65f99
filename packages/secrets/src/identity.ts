import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import type { Git } from '@zakenak/core';

const derive = promisify(scrypt) as (
  password: string,
  salt: string,
  length: number,
  options: { readonly N: number; readonly r: number; readonly p: number },
) => Promise<Buffer>;

/** Tells one secret from another without telling the secret. */
export interface Identifier {
  /** 32 hex digits, the same for the same rule, secret and salt. */
  identify(rule: string, secret: string): Promise<string>;
}

/** scrypt (RFC 7914, N = 4096: some 10 ms a guess) over the secret, salted with `salt` and the rule. Each pair is derived once. */
export function createIdentifier(salt: string): Identifier {
  const known = new Map<string, Promise<string>>();
  return {
    identify(rule, secret) {
      const key = JSON.stringify([rule, secret]);
      const hash =
        known.get(key) ??
        derive(secret, `${salt}\0${rule}`, 16, { N: 4096, r: 8, p: 1 }).then((bytes) =>
          bytes.toString('hex'),
        );
      known.set(key, hash);
      return hash;
    },
  };
}

/** A salt that every clone of the repository shares without storing it: its oldest parentless commit. */
export async function repositorySalt(head: string, git: Git): Promise<string> {
  const { stdout } = await git.run(['rev-list', '--max-parents=0', '--date-order', head]);
  return stdout.trim().split('\n').at(-1) ?? head;
}
