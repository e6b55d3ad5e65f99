/** A place in TypeScript source after which only structure counts: quotes and comments are stepped over. */
interface Step {
  readonly next: number;
  /** Text of a string or template literal that begins here, interpolations as `…`. */
  readonly literal?: string;
}

/** Steps over the string, template or comment at `at`; one character where there is none. */
function step(source: string, at: number): Step {
  const two = source.slice(at, at + 2);
  if (two === '//') return { next: after(source, '\n', at) };
  if (two === '/*') return { next: after(source, '*/', at) };
  const quote = source[at] ?? '';
  return /['"`]/.test(quote) ? readLiteral(source, at, quote) : { next: at + 1 };
}

function after(source: string, end: string, at: number): number {
  const found = source.indexOf(end, at);
  return found < 0 ? source.length : found + end.length;
}

function readLiteral(source: string, at: number, quote: string): Step {
  let text = '';
  let here = at + 1;
  while (here < source.length && source[here] !== quote) {
    if (source[here] === '\\') {
      text += source[here + 1] ?? '';
      here += 2;
    } else if (quote === '`' && source.startsWith('${', here)) {
      text += '…';
      here = endOfGroup(source, here + 1);
    } else {
      text += source[here];
      here += 1;
    }
  }
  return { next: here + 1, literal: text };
}

/** Index behind the bracket that closes the one at `open`. */
export function endOfGroup(source: string, open: number): number {
  let depth = 0;
  for (let here = open; here < source.length; here = step(source, here).next) {
    const char = source[here] ?? '';
    if ('([{'.includes(char)) depth += 1;
    else if (')]}'.includes(char)) depth -= 1;
    if (depth === 0) return here + 1;
  }
  return source.length;
}

/** The parts of a bracketed group at its own level, separated by commas: the properties of an object, the elements of an array. */
export function splitGroup(group: string): readonly string[] {
  const parts: string[] = [];
  let from = 1;
  for (let here = 1; here < group.length - 1; ) {
    const char = group[here] ?? '';
    if (char === ',') {
      parts.push(group.slice(from, here));
      from = here + 1;
    }
    here = '([{'.includes(char) ? endOfGroup(group, here) : step(group, here).next;
  }
  return [...parts, group.slice(from, -1)].map((part) => part.trim()).filter((part) => part !== '');
}

/** Every string and template literal of an expression, in order. */
export function literalsOf(expression: string): readonly string[] {
  const found: string[] = [];
  for (let here = 0; here < expression.length; ) {
    const { next, literal } = step(expression, here);
    if (literal !== undefined) found.push(literal);
    here = next;
  }
  return found;
}
