import { badInput } from './errors.ts';

/** Lines of `name=value` as pairs. Values may hold anything but line ends. Throws `image/bad-input` without showing the value. */
export function parsePairs(input: string, text: string | undefined): readonly (readonly [string, string])[] {
  return (text ?? '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line, index) => parsePair(input, line, index + 1));
}

/** One `name=value`. */
export function parsePair(input: string, line: string, position: number): readonly [string, string] {
  const cut = line.indexOf('=');
  const name = line.slice(0, Math.max(cut, 0));
  if (!/^[A-Za-z_][\w./-]*$/.test(name)) throw badInput(input, `entry ${position}`, 'name=value');
  return [name, line.slice(cut + 1)];
}
