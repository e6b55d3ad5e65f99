/** Environment variables, given and never taken from the process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The all-zero object id with which forges say "there was no commit before". */
const zeroSha = /^0+$/;

/** A full object id, or undefined for nothing, an all-zero id or anything else. */
export function parseSha(text: string | undefined): string | undefined {
  return text && /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(text) && !zeroSha.test(text) ? text : undefined;
}

/** Branch name of `refs/heads/x`, else undefined. */
export function branchOf(ref: string | undefined): string | undefined {
  return ref?.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : undefined;
}

/** Tag name of `refs/tags/x`, else undefined. */
export function tagOf(ref: string | undefined): string | undefined {
  return ref?.startsWith('refs/tags/') ? ref.slice('refs/tags/'.length) : undefined;
}

/** The object without its undefined fields. */
export function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
