/** Deleting one of these deletes data, or everything inside: it is done when the whole set is deployed and nothing can be put back any more. */
export const dataKinds: ReadonlySet<string> = new Set([
  'PersistentVolumeClaim',
  'PersistentVolume',
  'Namespace',
  'CustomResourceDefinition',
]);
