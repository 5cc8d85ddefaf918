import { describe, expect, it } from "vitest";
import {
  baseName,
  below,
  parentOf,
  parseLocation,
  s3Options,
  s3Settings,
  withoutEntropy,
} from "./state-location.ts";

describe("a location", () => {
  it.each([
    ["s3://bucket/a/b", { kind: "s3", bucket: "bucket", key: "a/b" }],
    ["s3a://bucket/a//b/", { kind: "s3", bucket: "bucket", key: "a/b" }],
    ["S3P://bucket", { kind: "s3", bucket: "bucket", key: "" }],
    ["s3://bucket/", { kind: "s3", bucket: "bucket", key: "" }],
    ["s3://bucket/with space/%41+", { kind: "s3", bucket: "bucket", key: "with space/%41+" }],
    ["file:///state/checkpoints/", { kind: "file", path: "/state/checkpoints" }],
    ["file:/state", { kind: "file", path: "/state" }],
    ["/state", { kind: "file", path: "/state" }],
    ["file:///", { kind: "file", path: "/" }],
  ])("%s", (uri, location) => {
    expect(parseLocation(uri)).toEqual(location);
  });

  it.each([
    ["hdfs://namenode/x", /hdfs:\/\/ cannot be read by Sluice/],
    ["gs://bucket/x", /gs:\/\/ cannot be read/],
    ["s3:///x", /names no bucket/],
    ["checkpoints", /not an absolute path/],
    ["", /not an absolute path/],
  ])("%j is said not to be supported", (uri, problem) => {
    expect(parseLocation(uri)).toEqual({ kind: "unsupported", problem: expect.stringMatching(problem) });
  });

  it("has parts", () => {
    expect(below("s3://b/c/", "chk-1")).toBe("s3://b/c/chk-1");
    expect(below("s3://b", "chk-1")).toBe("s3://b/chk-1");
    expect(baseName("s3://b/c/chk-1/")).toBe("chk-1");
    expect(parentOf("s3://b/c/chk-1")).toBe("s3://b/c");
    expect(parentOf("/c/chk-1/")).toBe("/c");
    expect(parentOf("/chk-1")).toBeUndefined();
  });

  it("is without entropy where Flink writes metadata", () => {
    const config = { "s3.entropy.key": "_entropy_" };
    expect(withoutEntropy("s3://b/_entropy_/checkpoints", config)).toBe("s3://b/checkpoints");
    expect(withoutEntropy("s3://b/x-_entropy_-y/c", config)).toBe("s3://b/x--y/c");
    expect(withoutEntropy("file:///_entropy_/c", config)).toBe("file:///_entropy_/c");
    expect(withoutEntropy("s3://b/_entropy_/c", {})).toBe("s3://b/_entropy_/c");
  });
});

describe("the way to a bucket", () => {
  it.each([
    ["nothing", {}, {}],
    [
      "the documented names",
      {
        "s3.endpoint": "http://minio:9000",
        "s3.access-key": "id",
        "s3.secret-key": "secret",
        "s3.path.style.access": "true",
        "s3.region": "eu-west-1",
      },
      {
        endpoint: "http://minio:9000",
        accessKey: "id",
        secretKey: "secret",
        pathStyle: true,
        region: "eu-west-1",
      },
    ],
    [
      "Hadoop's names",
      {
        "fs.s3a.endpoint": "minio:9000",
        "fs.s3a.access.key": "id",
        "s3a.secret.key": "secret",
        "fs.s3a.session.token": "token",
        "fs.s3a.connection.ssl.enabled": "false",
        "s3.endpoint.region": "eu-west-1",
      },
      {
        endpoint: "minio:9000",
        accessKey: "id",
        secretKey: "secret",
        sessionToken: "token",
        tls: false,
        region: "eu-west-1",
      },
    ],
    [
      "Presto's names",
      { "presto.s3.access-key": "id", "s3p.secret-key": "secret", "presto.s3.path-style-access": "TRUE" },
      { accessKey: "id", secretKey: "secret", pathStyle: true },
    ],
    [
      "a bucket's own options before the general ones",
      { "s3.endpoint": "http://a", "s3.bucket.state.endpoint": "http://b", "s3.bucket.other.region": "x" },
      { endpoint: "http://b" },
    ],
    ["no word where the value is empty", { "s3.access-key": " ", "s3.endpoint": "" }, {}],
    [
      "a role instead of keys",
      { "fs.s3a.aws.credentials.provider": "com.amazonaws.auth.WebIdentityTokenCredentialsProvider" },
      { indirect: "fs.s3a.aws.credentials.provider" },
    ],
  ])("is read from %s", (_, config, settings) => {
    expect(s3Settings(config, "state")).toEqual(settings);
  });

  it("is all that is taken along", () => {
    expect(s3Options({ "s3.endpoint": "x", "fs.s3a.y": "z", "state.checkpoints.dir": "s3://b" })).toEqual({
      "s3.endpoint": "x",
      "fs.s3a.y": "z",
    });
  });
});
