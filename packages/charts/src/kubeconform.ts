/** kubeconform's word on one object. */
export interface Verdict {
  readonly kind: string;
  readonly name: string;
  readonly version: string;
  readonly status: 'valid' | 'invalid' | 'error' | 'skipped';
  readonly problems: readonly { readonly path: string; readonly message: string; readonly key?: string }[];
}

/** Reads `kubeconform -output json -verbose`. Throws SyntaxError where that is no JSON. */
export function parseKubeconform(output: string): readonly Verdict[] {
  const { resources } = JSON.parse(output) as {
    resources?: readonly { kind: string; name: string; version: string; status: string; msg: string }[];
  };
  return (resources ?? []).map(({ kind, name, version, status, msg }) => ({
    kind,
    name,
    version,
    status:
      ({ statusValid: 'valid', statusInvalid: 'invalid', statusSkipped: 'skipped' } as const)[status] ??
      'error',
    problems: status === 'statusInvalid' || status === 'statusError' ? parseProblems(msg) : [],
  }));
}

/** The message holds every failing place; those that only say that something below failed are left out. */
function parseProblems(msg: string): Verdict['problems'] {
  const places = [...msg.matchAll(/- at '([^']*)': (.+?)(?=\s+- at '|$)/gs)];
  const leaves = places.filter(([, , text = '']) => !/^(validation failed|'\w+' failed)$/.test(text.trim()));
  if (leaves.length === 0) return [{ path: '', message: msg.replace(/\s+/g, ' ').trim() }];
  return leaves.map(([, path = '', text = '']) => {
    const named = /additional propert\w+ '([^']+)'/.exec(text)?.[1];
    const key = named ?? path.split('/').findLast((part) => part !== '' && !/^\d+$/.test(part));
    return { path, message: text.trim(), ...(key ? { key } : {}) };
  });
}
