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

/** Of one object; what comes after these is counted. */
const mostProblems = 20_000;

/** The message holds every failing place (`- at '/spec/replicas': got string`); those that only say that something below failed are left out. */
function parseProblems(msg: string): Verdict['problems'] {
  const [, ...places] = msg.split("- at '");
  const leaves = places.slice(0, mostProblems).flatMap((place) => {
    const end = place.indexOf("': ");
    const message = place
      .slice(end + 3)
      .replace(/\s+/g, ' ')
      .trim();
    return end < 0 || /^(validation failed|'\w+' failed)$/.test(message)
      ? []
      : [{ path: place.slice(0, end), message }];
  });
  if (leaves.length === 0) return [{ path: '', message: msg.replace(/\s+/g, ' ').trim() }];
  const more = places.length - mostProblems;
  if (more > 0) leaves.push({ path: '', message: `and ${more} more` });
  return leaves.map(({ path, message }) => {
    const named = /additional propert\w+ '([^']+)'/.exec(message)?.[1];
    const key = named ?? path.split('/').findLast((part) => part !== '' && !/^\d+$/.test(part));
    return { path, message, ...(key ? { key } : {}) };
  });
}
