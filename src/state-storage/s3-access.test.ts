import { describe, expect, it } from "vitest";
import type { FlinkConfiguration } from "../flink/configuration.ts";
import { type Environment, s3Access } from "./s3-access.ts";

const KEYS = { "s3.access-key": "id", "s3.secret-key": "secret" };

function urlOf(config: FlinkConfiguration, bucket = "state", env: Environment = {}): string {
  const access = s3Access(bucket, { ...KEYS, ...config }, env);
  return access.ok ? access.value.url(access.value.region) : access.failure.message;
}

describe("the address of a bucket", () => {
  it.each<[string, FlinkConfiguration, string]>([
    ["AWS", {}, "https://state.s3.us-east-1.amazonaws.com"],
    ["AWS, in a region", { "s3.region": "eu-west-1" }, "https://state.s3.eu-west-1.amazonaws.com"],
    [
      "AWS's old global endpoint",
      { "s3.endpoint": "s3.amazonaws.com" },
      "https://state.s3.us-east-1.amazonaws.com",
    ],
    [
      "AWS's endpoint of a region",
      { "s3.endpoint": "https://s3.eu-central-1.amazonaws.com" },
      "https://state.s3.eu-central-1.amazonaws.com",
    ],
    ["AWS, by path", { "s3.path.style.access": "true" }, "https://s3.us-east-1.amazonaws.com/state"],
    [
      "an endpoint in a private network of AWS",
      { "s3.endpoint": "https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com" },
      "https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com/state",
    ],
    [
      "a server of one's own",
      { "s3.endpoint": "http://minio.storage:9000/" },
      "http://minio.storage:9000/state",
    ],
    ["the same without a scheme", { "s3.endpoint": "minio:9000" }, "https://minio:9000/state"],
    [
      "the same without TLS",
      { "s3.endpoint": "minio:9000", "fs.s3a.connection.ssl.enabled": "false" },
      "http://minio:9000/state",
    ],
    [
      "a server that wants host names",
      { "s3.endpoint": "https://oss.example.com", "s3.path.style.access": "false" },
      "https://state.oss.example.com",
    ],
    [
      "an address, which can have no host below it",
      { "s3.endpoint": "http://10.0.0.1:9000", "s3.path.style.access": "false" },
      "http://10.0.0.1:9000/state",
    ],
  ])("%s", (_, config, url) => {
    expect(urlOf(config)).toBe(url);
  });

  it("is by path where its name is no host name", () => {
    expect(urlOf({}, "my.state")).toBe("https://s3.us-east-1.amazonaws.com/my.state");
  });

  it("comes from the environment where the configuration says nothing", () => {
    const env = { AWS_REGION: "eu-north-1", AWS_ENDPOINT_URL_S3: "http://seaweed:8333" };
    expect(urlOf({}, "state", env)).toBe("http://seaweed:8333/state");
    expect(urlOf({ "s3.endpoint": "http://minio:9000" }, "state", env)).toBe("http://minio:9000/state");
    expect(urlOf({}, "state", { AWS_DEFAULT_REGION: "eu-north-1" })).toBe(
      "https://state.s3.eu-north-1.amazonaws.com",
    );
  });

  it("that is none is said", () => {
    expect(urlOf({ "s3.endpoint": "http://" })).toMatch(/^s3\.endpoint is not a URL/);
  });
});

describe("credentials", () => {
  const env = { AWS_ACCESS_KEY_ID: "E", AWS_SECRET_ACCESS_KEY: "F", AWS_SESSION_TOKEN: "T" };

  it("are the configuration's, else the environment's, never mixed", () => {
    expect(s3Access("b", KEYS, env)).toMatchObject({
      value: { accessKeyId: "id", secretAccessKey: "secret" },
    });
    expect(s3Access("b", KEYS, env)).not.toMatchObject({ value: { sessionToken: "T" } });
    const own = { accessKeyId: "E", secretAccessKey: "F", sessionToken: "T" };
    expect(s3Access("b", {}, env)).toMatchObject({ value: own });
    expect(s3Access("b", { "s3.access-key": "id" }, env)).toMatchObject({ value: own });
  });

  it.each<[FlinkConfiguration, Environment]>([
    [{}, {}],
    [{ "s3.access-key": "id" }, {}],
    [{}, { AWS_WEB_IDENTITY_TOKEN_FILE: "/var/run/token", AWS_ROLE_ARN: "arn" }],
    [{ "fs.s3a.aws.credentials.provider": "x.WebIdentity" }, {}],
  ])("of another kind are said not to be supported: %j, %j", (config, environment) => {
    const access = s3Access("b", config, environment);
    expect(access).toMatchObject({ ok: false, failure: { kind: "unsupported" } });
    expect(JSON.stringify(access)).toMatch(/s3\.access-key.*AWS_ACCESS_KEY_ID.*web identity.*not supported/);
  });
});
