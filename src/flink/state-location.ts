/** Where Flink keeps state, as its configuration writes it: URIs, and the options of its S3 file systems. */
import type { FlinkConfiguration } from "./configuration.ts";

export type StateLocation =
  | {
      readonly kind: "s3";
      readonly bucket: string;
      /** Without a slash at either end. */ readonly key: string;
    }
  | { readonly kind: "file"; /** Absolute. */ readonly path: string }
  | { readonly kind: "unsupported"; readonly problem: string };

const WITH_CREDENTIALS =
  "the path holds credentials (key:secret@bucket): give them as s3.access-key and s3.secret-key";

const S3_SCHEMES = ["s3", "s3a", "s3p"];

/** As Flink's `Path` does it: what follows the authority is text, not percent-encoded, and `//` is `/`. */
export function parseLocation(uri: string): StateLocation {
  const {
    scheme,
    authority = "",
    path = "",
  } = /^(?:(?<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?<authority>[^/]*))?(?<path>.*)$/s.exec(uri.trim())
    ?.groups ?? {};
  const name = scheme?.toLowerCase() ?? "file";
  const clean = path.replaceAll(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
  if (S3_SCHEMES.includes(name)) {
    if (authority === "") return { kind: "unsupported", problem: `${uri} names no bucket` };
    if (authority.includes("@")) return { kind: "unsupported", problem: WITH_CREDENTIALS };
    return { kind: "s3", bucket: authority, key: clean.replace(/^\//, "") };
  }
  if (name !== "file") {
    return {
      kind: "unsupported",
      problem: `${name}:// cannot be read by Sluice yet, only s3://, s3a://, s3p:// and file://`,
    };
  }
  if (!clean.startsWith("/")) return { kind: "unsupported", problem: `${uri} is not an absolute path` };
  return { kind: "file", path: clean };
}

/** `name` below `uri`. */
export function below(uri: string, name: string): string {
  return `${uri.replace(/(?<=[^/])\/+$/, "")}/${name}`;
}

/** The last part of a path. */
export function baseName(uri: string): string {
  return uri.replace(/\/+$/, "").split("/").at(-1) ?? "";
}

/** What a path's last part is in; undefined at the top. */
export function parentOf(uri: string): string | undefined {
  return /^(?<parent>.*[^/])\/+[^/]+\/*$/s.exec(uri)?.groups?.["parent"];
}

/** How Flink reaches a bucket, as far as its configuration says. */
export interface S3Settings {
  /** May lack the scheme. */
  readonly endpoint?: string;
  readonly region?: string;
  readonly accessKey?: string;
  readonly secretKey?: string;
  readonly sessionToken?: string;
  /** Undefined: not said. */
  readonly pathStyle?: boolean;
  /** Whether an endpoint without a scheme is https. Undefined: not said. */
  readonly tls?: boolean;
  /** A role or credentials provider that Flink uses instead of keys: the option's name. */
  readonly indirect?: string;
}

/** The prefixes that Flink's native, Hadoop and Presto file systems read, in the order in which one wins here. */
const PREFIXES = ["s3.", "s3a.", "s3p.", "fs.s3a.", "presto.s3."];

const isS3Option = (key: string): boolean => PREFIXES.some((prefix) => key.startsWith(prefix));

/** The options that say how to reach buckets, credentials among them: not for logs, events or a status. */
export function s3Options(config: FlinkConfiguration): FlinkConfiguration {
  return Object.fromEntries(Object.entries(config).filter(([key]) => isS3Option(key)));
}

/** Of one bucket; its own options (`s3.bucket.NAME.…`) go before the general ones. */
export function s3Settings(config: FlinkConfiguration, bucket: string): S3Settings {
  const find = (...names: string[]): [key: string, value: string] | undefined => {
    for (const infix of [`bucket.${bucket}.`, ""]) {
      for (const prefix of PREFIXES) {
        for (const name of names) {
          const value = config[prefix + infix + name]?.trim();
          if (value !== undefined && value !== "") return [prefix + infix + name, value];
        }
      }
    }
    return undefined;
  };
  const text = (...names: string[]): string | undefined => find(...names)?.[1];
  const flag = (...names: string[]): boolean | undefined => {
    const value = text(...names)?.toLowerCase();
    return value === undefined ? undefined : value === "true";
  };
  const settings = {
    endpoint: text("endpoint"),
    region: text("region", "endpoint.region"),
    accessKey: text("access-key", "access.key"),
    secretKey: text("secret-key", "secret.key"),
    sessionToken: text("session-token", "session.token"),
    pathStyle: flag("path-style-access", "path.style.access"),
    tls: flag("ssl.enabled", "connection.ssl.enabled"),
    indirect: find(
      "aws.credentials.provider",
      "credentials-provider",
      "assume-role.arn",
      "assumed.role.arn",
      "iam-role",
    )?.[0],
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** Where Flink writes `_metadata`: without the part of the path that it replaces by random text for other files. */
export function withoutEntropy(uri: string, config: FlinkConfiguration): string {
  const key = config["s3.entropy.key"];
  if (key === undefined || key === "" || parseLocation(uri).kind !== "s3") return uri;
  return uri.replace(key, "").replaceAll(/(?<!:)\/{2,}/g, "/");
}
