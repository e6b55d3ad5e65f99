import { foldCase } from './address.ts';
import { type BerElement, childrenOf, decodeBer, isContext } from './ber.ts';
import type { Certificate } from './certificate.ts';

/** Kinds of general names (RFC 5280 section 4.2.1.6). */
const email = 1;
const directory = 4;

/**
 * Why an authority's name constraints do not allow a certificate; undefined where they do (RFC 5280 section 4.2.1.10). Constraints on addresses and directory
 * names are judged; the others bind names that no signature of a commit goes by.
 */
export function violatesConstraints(constraints: BerElement, certificate: Certificate): string | undefined {
  const subtrees = childrenOf(constraints);
  const [permitted, excluded] = [0, 1].map((tag) => {
    const list = subtrees.find((some) => isContext(some, tag));
    return (list?.children ?? []).flatMap((subtree) => childrenOf(subtree).slice(0, 1));
  }) as [BerElement[], BerElement[]];
  for (const address of certificate.emails) {
    const matches = (name: BerElement) =>
      isContext(name, email) && coversAddress(name.content.toString('latin1'), address);
    if (excluded.some(matches)) return `excludes ${JSON.stringify(address)}`;
    if (permitted.some((name) => isContext(name, email)) && !permitted.some(matches))
      return `does not permit ${JSON.stringify(address)}`;
  }
  const subject = relativeNames(certificate.subject);
  const matches = (name: BerElement) => isContext(name, directory) && coversName(name, subject);
  if (subject.length > 0 && excluded.some(matches)) return 'excludes its subject';
  if (subject.length > 0 && permitted.some((name) => isContext(name, directory)) && !permitted.some(matches))
    return 'does not permit its subject';
  return undefined;
}

/** An address, a host, or with a dot before it everything below a domain. */
function coversAddress(constraint: string, address: string): boolean {
  const wanted = foldCase(constraint);
  if (wanted.includes('@')) return foldCase(address) === wanted;
  const host = foldCase(address.slice(address.lastIndexOf('@') + 1));
  return wanted.startsWith('.') ? host.endsWith(wanted) : host === wanted;
}

/** Relative names are compared byte for byte, which is stricter for permitted ones; authorities copy them from their own subject. */
function coversName({ children }: BerElement, subject: readonly string[]): boolean {
  const wanted = children[0] ? childrenOf(children[0]).map(({ bytes }) => bytes.toString('hex')) : [];
  return wanted.length <= subject.length && wanted.every((name, index) => name === subject[index]);
}

function relativeNames(subject: string): readonly string[] {
  const der = Buffer.from(subject, 'hex');
  return childrenOf(decodeBer(der, { bytes: der.length, elements: 4096 })).map(({ bytes }) =>
    bytes.toString('hex'),
  );
}
