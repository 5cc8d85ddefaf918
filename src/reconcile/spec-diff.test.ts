import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Mode, withSpecDefaults } from "../api/defaults.ts";
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import {
  flinkSpec,
  type ResourceChange,
  withConfiguration,
  withJob,
  withSpec,
} from "../../testbed/gen/flink-deployment.ts";
import { concernsFlink, describeDiff, type DiffType, diffSpecs, withInPlaceChanges } from "./spec-diff.ts";

function diff(before: ResourceChange[], after: ResourceChange[], mode: Mode = "native") {
  return diffSpecs(flinkSpec(...before), flinkSpec(...after), mode);
}

/** The type of a change from one spec to another, natively and standalone. */
function types(before: ResourceChange[], after: ResourceChange[]): [DiffType, DiffType] {
  return [diff(before, after).type, diff(before, after, "standalone").type];
}

describe("a change of log files", () => {
  const LOG4J = "log4j-console.properties";
  const LOGBACK = "logback-console.xml";
  const looking = "monitorInterval = 30\nrootLogger.level = INFO\n";
  const scanning = '<configuration debug="false" scan="true" scanPeriod="5 seconds">';
  it.each<[string, Record<string, string> | undefined, Record<string, string> | undefined, DiffType]>([
    ["that Log4j looks at again is in place", { [LOG4J]: looking }, { [LOG4J]: "b" }, "IN_PLACE"],
    ["with spaces and a colon, too", { [LOG4J]: "  monitorInterval:5" }, { [LOG4J]: "b" }, "IN_PLACE"],
    ["that Logback scans is in place", { [LOGBACK]: scanning }, { [LOGBACK]: "b" }, "IN_PLACE"],
    ["that does not ask for it restarts", { [LOG4J]: "a" }, { [LOG4J]: looking }, "UPGRADE"],
    ["with an interval of 0 restarts", { [LOG4J]: "monitorInterval = 0" }, { [LOG4J]: "b" }, "UPGRADE"],
    ["with the interval commented out restarts", { [LOG4J]: `# ${looking}` }, { [LOG4J]: "b" }, "UPGRADE"],
    ["of which one does not ask for it restarts", both("a", scanning), both("b", "b"), "UPGRADE"],
    ["of which the other does not change is in place", both(looking, "a"), both("b", "a"), "IN_PLACE"],
    ["of which one comes restarts", { [LOG4J]: looking }, both(looking, scanning), "UPGRADE"],
    ["of which one goes restarts", both(looking, scanning), { [LOG4J]: looking }, "UPGRADE"],
    ["that were the operator's restarts", undefined, { [LOG4J]: looking }, "UPGRADE"],
    ["that become the operator's restarts", { [LOG4J]: looking }, undefined, "UPGRADE"],
  ])("%s", (_, before, after, type) => {
    const files = (logConfiguration: unknown): ResourceChange[] => [withSpec({ logConfiguration })];
    expect(types(files(before), files(after))).toEqual([type, type]);
  });

  function both(log4j: string, logback: string): Record<string, string> {
    return { [LOG4J]: log4j, [LOGBACK]: logback };
  }
});

describe("what changes in place", () => {
  const before = flinkSpec(withConfiguration({ "kubernetes.rest-service.annotations": "a:1" }));
  const after = flinkSpec(
    withSpec({ ingress: { template: "x" }, image: "other" }),
    withJob({ upgradeMode: "stateless" }),
    withConfiguration({ "kubernetes.rest-service.labels": "b:2", "rest.port": "9000" }),
  );

  it("is taken over alone", () => {
    const { changes } = diffSpecs(before, after, "native");
    const taken = withInPlaceChanges(withSpecDefaults(before), changes);
    expect(diffSpecs(before, taken, "native").changes.map(({ path }) => path)).toEqual([
      "ingress",
      "flinkConfiguration.kubernetes.rest-service.annotations",
      "flinkConfiguration.kubernetes.rest-service.labels",
    ]);
    expect(concernsFlink(diffSpecs(before, taken, "native"))).toBe(false);
    expect(diffSpecs(taken, after, "native").changes.map(({ path }) => path)).toEqual([
      "image",
      "job.upgradeMode",
      "flinkConfiguration.rest.port",
    ]);
  });

  it("is not taken over for a spec in which it would not be in place", () => {
    const files = (text: string) => ({ logConfiguration: { "log4j-console.properties": text } });
    const looking = "monitorInterval=5";
    const { changes } = diffSpecs(
      flinkSpec(withSpec(files(looking))),
      flinkSpec(withSpec(files("b"))),
      "native",
    );
    const other = withSpecDefaults(flinkSpec(withSpec(files("a"))));
    expect(withInPlaceChanges(other, changes)).toEqual(other);
  });
});

function config(flinkConfiguration: unknown): ResourceChange {
  return withSpec({ flinkConfiguration });
}

function flatten(value: unknown, prefix = ""): [string, unknown][] {
  if (typeof value !== "object" || value === null) return [[prefix, value]];
  return Object.entries(value).flatMap(([name, child]) =>
    flatten(child, prefix === "" ? name : `${prefix}.${name}`),
  );
}

describe("the shape of flinkConfiguration makes no difference", () => {
  const key = fc.stringMatching(/^[a-z]{1,3}$/);
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
  const tree = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof({ maxDepth: 3 }, leaf, fc.dictionary(key, tie("node"), { maxKeys: 3 })),
  })).node;

  it("for any configuration", () => {
    fc.assert(
      fc.property(fc.dictionary(key, tree), (nested) => {
        const flat = Object.fromEntries(flatten(nested).map(([name, value]) => [name, String(value)]));
        expect(diff([config(flat)], [config(nested)]).changes).toEqual([]);
      }),
    );
  });
});

function optional<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.option(value, { nil: null });
}

function changedPaths(before: FlinkDeploymentSpec, after: FlinkDeploymentSpec): string[] {
  return diffSpecs(before, after, "native")
    .changes.map(({ path }) => path)
    .sort();
}

describe("properties of any spec", () => {
  const template = fc.record({ metadata: fc.object(), spec: fc.object() }, { requiredKeys: [] });
  const spec = fc.record(
    {
      image: optional(fc.string()),
      flinkVersion: optional(fc.constantFrom("v1_20", "v2_3")),
      mode: optional(fc.constantFrom("native", "standalone")),
      restartNonce: optional(fc.nat()),
      podTemplate: optional(template),
      jobManager: optional(fc.record({ replicas: optional(fc.nat()), podTemplate: optional(template) })),
      taskManager: optional(fc.record({ replicas: optional(fc.nat()) })),
      flinkConfiguration: optional(fc.object()),
      job: optional(
        fc.record(
          { parallelism: fc.nat(), args: optional(fc.array(fc.string())), savepointRedeployNonce: fc.nat() },
          { requiredKeys: [] },
        ),
      ),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<FlinkDeploymentSpec>;

  it("a spec does not differ from itself, nor from its copy with other key orders", () => {
    fc.assert(
      fc.property(spec, fc.constantFrom<Mode>("native", "standalone"), (one, mode) => {
        const reversed = Object.fromEntries(Object.entries(structuredClone(one)).toReversed());
        expect(diffSpecs(one, one, mode)).toEqual({ type: "IGNORE", changes: [] });
        expect(diffSpecs(one, reversed, mode)).toEqual({ type: "IGNORE", changes: [] });
      }),
    );
  });

  it("the way back touches the same fields", () => {
    fc.assert(
      fc.property(spec, spec, (one, other) => {
        expect(changedPaths(one, other)).toEqual(changedPaths(other, one));
      }),
    );
  });
});

function text(before: ResourceChange[], after: ResourceChange[]): string {
  return describeDiff(diff(before, after));
}

describe("the text of a change", () => {
  it.each([
    "s3.secret-key",
    "s3.access-key",
    "fs.s3a.access.key",
    "s3.accessKey",
    "fs.azure.account.key.store.blob.core.windows.net",
    "security.ssl.rest.keystore-password",
    "my.api-key",
    "my.apikey",
    "my.auth.token",
    "kafka.sasl.jaas.config",
    "service.basic-auth",
    "service.auth-params",
    "my.service-key",
    "client.http-headers",
    "gcp.credentials",
  ])("never shows the value of %s", (key) => {
    const shown = text([withConfiguration({ [key]: "hunter1" })], [withConfiguration({ [key]: "hunter2" })]);
    expect(shown).toContain(`flinkConfiguration.${key} : *** -> ***`);
    expect(shown).not.toContain("hunter");
  });

  it.each<[string, ResourceChange]>([
    ["in the arguments of the job", withJob({ args: ["--db-password", "hunter2"] })],
    ["in one argument", withJob({ args: ["--url=jdbc:db?apiKey=hunter2"] })],
    ["in the user info of an address", withJob({ jarURI: "https://me:hunter2@example.com/job.jar" })],
    [
      "in JVM options",
      withConfiguration({ "env.java.opts.all": "-Djavax.net.ssl.keyStorePassword=hunter2" }),
    ],
    ["in signed addresses", withJob({ jarURI: "https://example.com/job.jar?X-Amz-Signature=hunter2" })],
  ])("never shows a credential %s", (_, after) => {
    expect(text([], [after])).not.toContain("hunter2");
    expect(text([after], [])).not.toContain("hunter2");
  });
});
