/** Words that end the names of secrets: DB_PASSWORD, clientSecret, api-key. `secretName` and `tokenTTL` name no secret. */
const words =
  /(?:^|[-_.])(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|credentials?|(?:api|private|access|secret|encryption|signing|master|license|auth)[-_.]?key|dsn)$/;

/** True for the name of a field, variable or flag that holds a secret. */
export function isSecretName(name: string): boolean {
  const parted = name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();
  // `existingSecret: web-db` names an object.
  return words.test(parted) && !/(?:^|[-_.])(?:existing|pull|tls|image-pull)[-_.]secret$/.test(parted);
}
