/** What identifies an event: the same again is counted on the event that exists, by its name. */
export interface EventIdentity {
  readonly component: string;
  readonly type: string;
  readonly reason: string;
  /** Used instead of the message, for messages that vary. */
  readonly key?: string | undefined;
  readonly message: string;
}

/** The Apache operator's name for an event, so that both operators count on the same one. */
export function eventName(
  { component, type, reason, key, message }: EventIdentity,
  target: { readonly kind: string; readonly metadata: { readonly name: string; readonly uid?: string } },
): string {
  const { name, uid = "" } = target.metadata;
  const hash = javaHash(`${reason}${key ?? message}${type}${target.kind}${name}${uid}`);
  return `${component}.${hash & 0x7fff_ffff}`;
}

/** Java's `String.hashCode()`. */
export function javaHash(text: string): number {
  let hash = 0;
  // Java hashes UTF-16 units, not code points.
  for (let index = 0; index < text.length; index++) hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0;
  return hash;
}

/** At most `bytes` of UTF-8, never half a character; what was cut shows as an ellipsis. */
export function cutToBytes(text: string, bytes: number): string {
  const encoded = Buffer.from(text, "utf8");
  if (encoded.length <= bytes) return text;
  const ellipsis = "…";
  let end = bytes - Buffer.byteLength(ellipsis);
  // 10xxxxxx goes on with a character that began before.
  while (end > 0 && ((encoded[end] ?? 0) & 0b1100_0000) === 0b1000_0000) end--;
  return encoded.toString("utf8", 0, end) + ellipsis;
}
