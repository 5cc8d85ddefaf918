/** Credentials inside of texts. */

/** `?password=…`, `&X-Amz-Signature=…`: of JDBC addresses and signed ones. */
const PARAMETER = /([?&;][\w.-]*(?:passw(?:or)?d|pwd|secret|token|signature|sig|key)=)[^&;\s"'<>)\]]+/gi;

/** Credentials in URIs (`s3://key:secret@bucket`, `?password=secret`) never leave this module. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/:\/\/[^\s/@]*@/g, "://***@").replaceAll(PARAMETER, "$1***");
}
