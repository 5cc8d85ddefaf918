/** Where a bucket is and with which credentials: from Flink's configuration, else from this process's environment. */
import { isIP } from "node:net";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { type S3Settings, s3Settings } from "../flink/state-location.ts";
import { done, fail, type StorageAnswer } from "./storage.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface S3Access {
  /** Of the bucket, without a slash at the end. */
  readonly url: (region: string) => string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const NO_CREDENTIALS =
  "no S3 credentials: neither s3.access-key and s3.secret-key in flinkConfiguration, nor AWS_ACCESS_KEY_ID and " +
  "AWS_SECRET_ACCESS_KEY in the operator's environment. Roles, web identity and instance profiles are not supported by " +
  "Sluice yet";

type Credentials = Pick<S3Access, "accessKeyId" | "secretAccessKey" | "sessionToken">;

function credentials(settings: S3Settings, env: Environment): StorageAnswer<Credentials> {
  const { accessKey, secretKey, sessionToken } = settings;
  if (accessKey !== undefined && secretKey !== undefined) {
    const token = sessionToken === undefined ? {} : { sessionToken };
    return done({ accessKeyId: accessKey, secretAccessKey: secretKey, ...token });
  }
  const {
    AWS_ACCESS_KEY_ID: id = "",
    AWS_SECRET_ACCESS_KEY: secret = "",
    AWS_SESSION_TOKEN: token = "",
  } = env;
  if (id !== "" && secret !== "") {
    return done({
      accessKeyId: id,
      secretAccessKey: secret,
      ...(token === "" ? {} : { sessionToken: token }),
    });
  }
  const { indirect } = settings;
  return fail(
    "unsupported",
    indirect === undefined ? NO_CREDENTIALS : `${NO_CREDENTIALS} (${indirect} is set)`,
  );
}

function parseEndpoint(text: string, tls: boolean): URL | undefined {
  try {
    const url = new URL(/^https?:\/\//i.test(text) ? text : `${tls ? "https" : "http"}://${text}`);
    return url.hostname === "" ? undefined : url;
  } catch {
    return undefined;
  }
}

/** Buckets whose names are no host names, and hosts that cannot have others below them, are addressed by path. */
function needsPath(bucket: string, hostname: string): boolean {
  return !/^[a-z0-9][a-z0-9-]*$/.test(bucket) || isIP(hostname) !== 0 || !/^[^[]+\./.test(hostname);
}

/** AWS's public endpoints, which differ by region only. */
const AWS = /^s3(?:[.-](?<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com$/;

/** A bucket's address at an endpoint; a bucket of AWS answers at the endpoint of its own region only. */
function bucketUrl(
  bucket: string,
  endpoint: URL | undefined,
  pathStyle: boolean | undefined,
  region: string,
): string {
  const isAws = endpoint === undefined || AWS.test(endpoint.hostname);
  const url = isAws ? new URL(`https://s3.${region}.amazonaws.com`) : endpoint;
  const path = url.pathname.replace(/\/+$/, "");
  const byPath = (pathStyle ?? !isAws) || needsPath(bucket, url.hostname);
  return byPath
    ? `${url.protocol}//${url.host}${path}/${bucket}`
    : `${url.protocol}//${bucket}.${url.host}${path}`;
}

/** Everything needed to send requests for `bucket`. */
export function s3Access(
  bucket: string,
  config: FlinkConfiguration,
  env: Environment,
): StorageAnswer<S3Access> {
  const settings = s3Settings(config, bucket);
  const found = credentials(settings, env);
  if (!found.ok) return found;
  const text = settings.endpoint ?? env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"];
  const endpoint = text === undefined || text === "" ? undefined : parseEndpoint(text, settings.tls ?? true);
  if (text !== undefined && text !== "" && endpoint === undefined) {
    return fail("unsupported", "s3.endpoint is not a URL, such as https://s3.example.com");
  }
  const region =
    settings.region ??
    (AWS.exec(endpoint?.hostname ?? "")?.groups?.["region"] ||
      env["AWS_REGION"] ||
      env["AWS_DEFAULT_REGION"] ||
      "us-east-1");
  const url = (wanted: string): string => bucketUrl(bucket, endpoint, settings.pathStyle, wanted);
  return done({ ...found.value, region, url });
}
