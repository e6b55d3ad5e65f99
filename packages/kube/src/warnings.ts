import type { KubeRef, KubeWarning } from '@zakenak/core';

/** What an API server has warned of. */
export interface Warnings {
  /** Reads a `Warning` header as the API server writes it: `299 - "text"`, several joined by commas. */
  hear(header: string | undefined, about: KubeRef): void;
  tell(): readonly KubeWarning[];
}

/** Texts that are kept: a policy may word its own for each object. */
const mostTexts = 100;

/** Keeps each text once, with every object that it was told of. */
export function createWarnings(): Warnings {
  const told = new Map<string, Map<string, KubeRef>>();
  return {
    hear(header, about) {
      for (const [, quoted = ''] of (header ?? '').matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)) {
        const text = quoted.replace(/\\(.)/g, '$1');
        if (!told.has(text) && told.size >= mostTexts) continue;
        const { apiVersion, kind, namespace, name } = about;
        const refs = told.get(text) ?? new Map<string, KubeRef>();
        told.set(text, refs.set([apiVersion, kind, namespace, name].join(' '), about));
      }
    },
    tell: () => [...told].map(([text, refs]) => ({ text, refs: [...refs.values()] })),
  };
}
