/** S3's answers: the few fields of its XML that are read here, and its errors as failures. */
import { done, fail, type StorageAnswer } from "./storage.ts";

function unescapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
  return text.replaceAll(
    /&(?:#x(?<hex>[0-9a-f]+)|#(?<decimal>\d+)|(?<name>\w+));/gi,
    (whole, hex, decimal, name) => {
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      return entities[name] ?? whole;
    },
  );
}

/** The texts of all elements of that name, in order; S3's answers nest no element in one of the same name. */
function elements(xml: string, name: string): string[] {
  const pattern = new RegExp(`<${name}(?:\\s[^>]*)?>(?<content>[\\s\\S]*?)</${name}>`, "g");
  return [...xml.matchAll(pattern)].map((match) => match.groups?.["content"] ?? "");
}

function text(xml: string, name: string): string | undefined {
  const [content] = elements(xml, name);
  return content === undefined ? undefined : unescapeXml(content);
}

export interface ListPage {
  /** Keys of objects, and the common prefixes with their slash. */
  readonly keys: readonly string[];
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

/** A ListObjectsV2 answer; keys are percent-encoded in it where that was asked for and is said. */
export function parseListPage(xml: string): StorageAnswer<ListPage> {
  if (!/<ListBucketResult[\s>]/.test(xml))
    return fail("refused", "the storage's answer to a list is not S3's");
  const encoded = text(xml, "EncodingType") === "url";
  const decode = (key: string): string => (encoded ? decodeURIComponent(key.replaceAll("+", " ")) : key);
  const keysIn = (element: string, name: string): string[] =>
    elements(xml, element).flatMap((one) => elements(one, name).map((key) => decode(unescapeXml(key))));
  const more = text(xml, "IsTruncated") === "true";
  const next = text(xml, "NextContinuationToken");
  if (more && (next === undefined || next === ""))
    return fail("refused", "the storage breaks off in the middle of a list");
  try {
    return done({
      keys: [...keysIn("CommonPrefixes", "Prefix"), ...keysIn("Contents", "Key")],
      next: more ? next : undefined,
    });
  } catch {
    return fail("refused", "the storage's list holds names that cannot be decoded");
  }
}

export interface S3Error {
  readonly status: number;
  /** S3's own, `NoSuchKey`; empty where the answer has none. */
  readonly code: string;
  readonly message: string;
  /** Where the bucket is, if the answer says so. */
  readonly region: string | undefined;
}

export function parseError(status: number, body: string, regionHeader: string | undefined): S3Error {
  return {
    status,
    code: text(body, "Code") ?? "",
    message: text(body, "Message") ?? "",
    region: regionHeader ?? text(body, "Region"),
  };
}

/** Milliseconds of difference are fine, an hour is not: said by the code. */
const CLOCK = new Set(["RequestTimeTooSkewed"]);

export function failureOf({ status, code, message }: S3Error, bucket: string): ReturnType<typeof fail> {
  const said = [code, message].filter((part) => part !== "").join(": ") || `status ${status}`;
  if (code === "NoSuchBucket") return fail("no-bucket", `bucket ${bucket} does not exist (${said})`);
  if (status === 503 || status === 429 || status >= 500)
    return fail("unreachable", `bucket ${bucket}: ${said}`);
  if (CLOCK.has(code))
    return fail("unreachable", `bucket ${bucket}: this clock and the storage's differ (${said})`);
  if (status === 401 || status === 403) {
    const needs = "s3:ListBucket on the bucket and s3:GetObject on what is in it are needed";
    return fail("forbidden", `bucket ${bucket} refuses access (${said}); ${needs}`);
  }
  return fail("refused", `bucket ${bucket}: ${said}`);
}
