import {
  boolYaml11Tag,
  defineMappingTag,
  defineScalarTag,
  defineSequenceTag,
  NOT_RESOLVED,
  nullYaml11Tag,
  Schema,
  strTag,
  YAMLException,
} from 'js-yaml';

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

const notFinite = /^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/;

function numberTags(exact: boolean) {
  const resolve = (text: string, isExplicit: boolean): number | typeof NOT_RESOLVED => {
    if (notFinite.test(text)) throw new YAMLException(`JSON has no ${text}`);
    const value = resolveNumber(text);
    if (typeof value === 'number') return value;
    if (typeof value === 'bigint') {
      if (!exact) return Number(value);
      throw new YAMLException(
        `the number ${text} is too large to be kept exactly; quote it if it is meant as text`,
      );
    }
    if (isExplicit) throw new YAMLException(`'${text}' is no number`);
    return NOT_RESOLVED;
  };
  const never = { identify: () => false };
  return [
    defineScalarTag('tag:yaml.org,2002:int', {
      implicit: true,
      implicitFirstChars: [...'-+.0123456789'],
      resolve,
      ...never,
    }),
    defineScalarTag('tag:yaml.org,2002:float', { resolve, ...never }),
  ];
}

/** `<<` where it is a key; elsewhere it is text. */
const mergeKey = Symbol('<<');
const textOf = (value: unknown): unknown => (value === mergeKey ? '<<' : value);

const mergeTag = defineScalarTag('tag:zakenak.dev:merge', {
  implicit: true,
  implicitFirstChars: ['<'],
  resolve: (text) => (text === '<<' ? mergeKey : NOT_RESOLVED),
  identify: () => false,
});

const binaryTag = defineScalarTag('tag:yaml.org,2002:binary', {
  resolve: (text) => Buffer.from(text, 'base64').toString('utf8'),
  identify: () => false,
});

/** A map that is being read, and which of its keys a merge brought: those may stand again. */
interface OpenMap {
  readonly record: Record<string, unknown>;
  readonly merged: Set<string>;
}

function put({ record }: OpenMap, key: string, value: unknown): void {
  // An assignment to this one key would set the prototype.
  if (key === '__proto__')
    Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
  else record[key] = value;
}

/** go-yaml v2 merges where it meets `<<`: keys above it are overridden, keys below it override. Of a list's maps the earlier ones win. */
function merge(map: OpenMap, source: unknown): string {
  if (Array.isArray(source))
    return source.toReversed().reduce((error, item) => error || merge(map, item), '');
  if (typeof source !== 'object' || source === null) return 'what << merges is a map, or a list of maps';
  for (const [key, value] of Object.entries(source)) {
    put(map, key, value);
    map.merged.add(key);
  }
  return '';
}

// What has a `finalize` cannot hold itself by an alias.
const mapOptions = {
  create: (): OpenMap => ({ record: {}, merged: new Set() }),
  addPair(map: OpenMap, key: unknown, value: unknown): string {
    if (key === mergeKey) return merge(map, value);
    if (key === null || typeof key === 'object') return 'a key is text, a number or a boolean';
    put(map, String(key), textOf(value));
    map.merged.delete(String(key));
    return '';
  },
  has: ({ record, merged }: OpenMap, key: unknown): boolean =>
    typeof key !== 'symbol' && Object.hasOwn(record, String(key)) && !merged.has(String(key)),
  keys: (record: OpenMap['record']) => Object.keys(record),
  get: (record: OpenMap['record'], key: unknown) => record[String(key)],
  finalize: ({ record }: OpenMap): OpenMap['record'] => record,
  identify: () => false,
};

const listOptions = {
  create: (): unknown[] => [],
  addItem: (list: unknown[], item: unknown): void => void list.push(textOf(item)),
  finalize: (list: unknown[]): unknown[] => list,
  identify: () => false,
};

const any = { matchByTagPrefix: true };

/**
 * The tags by which kubectl reads: YAML 1.1 with Go's numbers; dates and base 60 numbers stay text; a tag that nobody knows says nothing. Where `exact` is false, integers
 * over 2^53 are rounded instead of refused. Maps are JSON objects, with kubectl's keys.
 */
export function kubernetesTags(exact: boolean): Schema {
  return new Schema([
    strTag,
    nullYaml11Tag,
    boolYaml11Tag,
    ...numberTags(exact),
    mergeTag,
    binaryTag,
    defineSequenceTag('tag:yaml.org,2002:seq', listOptions),
    defineMappingTag('tag:yaml.org,2002:map', mapOptions),
    defineScalarTag('', { ...any, resolve: (text) => text, identify: () => false }),
    defineSequenceTag('', { ...any, ...listOptions }),
    defineMappingTag('', { ...any, ...mapOptions }),
  ]);
}
