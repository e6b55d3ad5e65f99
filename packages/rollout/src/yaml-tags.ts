import {
  type Document,
  isAlias,
  isMap,
  isSeq,
  Scalar,
  type ScalarTag,
  type SchemaOptions,
  type Tags,
} from 'yaml';

// go-yaml v2 (resolve.go), which sigs.k8s.io/yaml, and so kubectl and Helm, read by. It has Go's integer literals, no base 60 and no dates.
const float = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const dotFloat = /^\.\d+(?:_\d+)*(?:[eE][-+]?\d+(?:_\d+)*)?$/;
const integer = /^[-+]?(?:0[xX][\da-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9]\d*)$/;
const int64 = 1n << 63n;

/** What a plain scalar that begins like a number is to kubectl: a number, or the text itself. A 64-bit integer that JavaScript cannot hold is a bigint. */
function resolveNumber(text: string): number | bigint | string {
  if (text.startsWith('.')) return dotFloat.test(text) ? finite(text) : text;
  const plain = text.replaceAll('_', '');
  if (integer.test(plain)) {
    const value = bigOf(plain);
    if (value >= -int64 && value < int64) return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    // Beyond 64 bits kubectl has a float as well.
    if (value >= 0n && value < 2n * int64) return Number(value);
  }
  return float.test(plain) ? finite(text) : text;
}

function finite(text: string): number | string {
  const value = Number(text.replaceAll('_', ''));
  return Number.isFinite(value) ? value : text;
}

function bigOf(literal: string): bigint {
  const digits = literal.replace(/^[-+]/, '');
  const octal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits;
  const value = BigInt(octal);
  return literal.startsWith('-') ? -value : value;
}

type OnError = (message: string) => void;
const int = 'tag:yaml.org,2002:int';
const notFinite = /^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/;

function tagsOf(exact: boolean): readonly ScalarTag[] {
  const resolve = (text: string, onError: OnError): unknown => {
    if (notFinite.test(text)) onError(`JSON has no ${text}`);
    const value = resolveNumber(text);
    if (typeof value !== 'bigint') return value;
    if (exact) onError(`the number ${text} is too large to be kept exactly; quote it if it is meant as text`);
    return Number(value);
  };
  const numeric = (text: string, onError: OnError): unknown => {
    const value = resolve(text, onError);
    if (typeof value === 'string') onError(`'${text}' is no number`);
    return value;
  };
  return [
    { tag: int, default: true, test: /^[-+.\d]/, resolve },
    { tag: int, resolve: numeric },
    { tag: 'tag:yaml.org,2002:float', resolve: numeric },
    {
      tag: 'tag:yaml.org,2002:binary',
      resolve: (text: string) => Buffer.from(text, 'base64').toString('utf8'),
    },
  ];
}

interface Reading {
  readonly doc: Document;
}

/** go-yaml v2 merges where it meets `<<`: keys above it are overridden, keys below it override. Of a list's maps the earlier ones win. */
function mergeInto(reading: Reading, map: Map<unknown, unknown>, value: unknown): void {
  const source = isAlias(value) ? value.resolve(reading.doc) : value;
  if (isSeq(source)) {
    for (const item of source.items.toReversed()) mergeInto(reading, map, item);
    return;
  }
  if (!isMap(source)) throw new Error('what << merges is a map, or a list of maps');
  const merged: Map<unknown, unknown> = source.toJSON(null, reading as never, Map);
  for (const [key, part] of merged) map.set(key, part);
}

const merge: ScalarTag = {
  tag: 'tag:yaml.org,2002:merge',
  default: 'key',
  test: /^<<$/,
  resolve: () => Object.assign(new Scalar(Symbol('<<')), { addToJSMap: mergeInto }),
};

const replaced = /:(?:int|float|binary|timestamp|omap|pairs|set|merge)$/;

/**
 * The tags by which kubectl reads: YAML 1.1 with Go's numbers; dates and base 60 numbers stay text. Where `exact` is false, integers over 2^53 are rounded
 * instead of refused.
 */
export function kubernetesTags(exact: boolean): NonNullable<SchemaOptions['customTags']> {
  return (tags: Tags): Tags => [
    ...tags.filter((tag) => typeof tag === 'string' || !replaced.test(tag.tag)),
    ...tagsOf(exact),
    merge,
  ];
}
