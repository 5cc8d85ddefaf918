/** Why a jar could not be had: for people, without credentials. */
export class JarError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "JarError";
  }
}

/** A URI for messages: without user, password and query, which may be credentials. */
export function withoutSecrets(uri: string): string {
  const url = URL.parse(uri);
  if (url === null) return "the jar's URI";
  return `${url.protocol}//${url.host}${url.pathname}`;
}
