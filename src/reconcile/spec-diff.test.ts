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

type Row = readonly [string, ResourceChange, ResourceChange, DiffType, DiffType];

const FIELDS: readonly Row[] = [
  ["image", withSpec({ image: "a" }), withSpec({ image: "b" }), "UPGRADE", "UPGRADE"],
  ["imagePullPolicy", withSpec({}), withSpec({ imagePullPolicy: "Always" }), "UPGRADE", "UPGRADE"],
  ["serviceAccount", withSpec({}), withSpec({ serviceAccount: "other" }), "UPGRADE", "UPGRADE"],
  ["flinkVersion", withSpec({}), withSpec({ flinkVersion: "v2_4" }), "UPGRADE", "UPGRADE"],
  ["ingress that appears", withSpec({}), withSpec({ ingress: { template: "x" } }), "IN_PLACE", "IN_PLACE"],
  ["ingress that goes", withSpec({ ingress: { template: "x" } }), withSpec({}), "IN_PLACE", "IN_PLACE"],
  [
    "a part of ingress",
    withSpec({ ingress: { template: "x" } }),
    withSpec({ ingress: { template: "x", labels: { a: "b" } } }),
    "IN_PLACE",
    "IN_PLACE",
  ],
  [
    "podTemplate",
    withSpec({}),
    withSpec({ podTemplate: { spec: { hostNetwork: true } } }),
    "UPGRADE",
    "UPGRADE",
  ],
  [
    "a label in podTemplate",
    withSpec({ podTemplate: { metadata: { labels: { a: "1" } } } }),
    withSpec({ podTemplate: { metadata: { labels: { a: "2" } } } }),
    "UPGRADE",
    "UPGRADE",
  ],
  [
    "jobManager.resource.memory",
    withSpec({ jobManager: { resource: { memory: "1g" } } }),
    withSpec({ jobManager: { resource: { memory: "2g" } } }),
    "UPGRADE",
    "UPGRADE",
  ],
  [
    "jobManager.replicas",
    withSpec({ jobManager: { replicas: 1 } }),
    withSpec({ jobManager: { replicas: 2 } }),
    "UPGRADE",
    "UPGRADE",
  ],
  [
    "jobManager.podTemplate",
    withSpec({ jobManager: {} }),
    withSpec({ jobManager: { podTemplate: { spec: { hostNetwork: true } } } }),
    "UPGRADE",
    "UPGRADE",
  ],
  [
    "taskManager.resource.cpu",
    withSpec({ taskManager: { resource: { cpu: 1 } } }),
    withSpec({ taskManager: { resource: { cpu: 2 } } }),
    "UPGRADE",
    "UPGRADE",
  ],
  [
    "taskManager.resources",
    withSpec({ taskManager: {} }),
    withSpec({ taskManager: { resources: { limits: { cpu: "1" } } } }),
    "UPGRADE",
    "UPGRADE",
  ],
  [
    "taskManager.podTemplate",
    withSpec({ taskManager: {} }),
    withSpec({ taskManager: { podTemplate: { spec: { hostNetwork: true } } } }),
    "UPGRADE",
    "UPGRADE",
  ],
  [
    "taskManager.replicas",
    withSpec({ taskManager: { replicas: 1 } }),
    withSpec({ taskManager: { replicas: 2 } }),
    "UPGRADE",
    "SCALE",
  ],
  [
    "logConfiguration",
    withSpec({ logConfiguration: { "log4j-console.properties": "a" } }),
    withSpec({ logConfiguration: { "log4j-console.properties": "b" } }),
    "UPGRADE",
    "UPGRADE",
  ],
  ["mode", withSpec({ mode: "native" }), withSpec({ mode: "standalone" }), "UPGRADE", "UPGRADE"],
  ["restartNonce", withSpec({}), withSpec({ restartNonce: 1 }), "UPGRADE", "UPGRADE"],
  [
    "restartNonce that is set back",
    withSpec({ restartNonce: 2 }),
    withSpec({ restartNonce: 1 }),
    "UPGRADE",
    "UPGRADE",
  ],
  ["job.jarURI", withJob({}), withJob({ jarURI: "local:///b.jar" }), "UPGRADE", "UPGRADE"],
  ["job.parallelism", withJob({ parallelism: 2 }), withJob({ parallelism: 4 }), "UPGRADE", "SCALE"],
  ["job.entryClass", withJob({}), withJob({ entryClass: "Main" }), "UPGRADE", "UPGRADE"],
  ["job.args", withJob({ args: ["a", "b"] }), withJob({ args: ["b", "a"] }), "UPGRADE", "UPGRADE"],
  ["job.state", withJob({}), withJob({ state: "suspended" }), "UPGRADE", "UPGRADE"],
  [
    "job.upgradeMode",
    withJob({ upgradeMode: "savepoint" }),
    withJob({ upgradeMode: "stateless" }),
    "IGNORE",
    "IGNORE",
  ],
  ["job.initialSavepointPath", withJob({}), withJob({ initialSavepointPath: "s3://a" }), "IGNORE", "IGNORE"],
  ["job.allowNonRestoredState", withJob({}), withJob({ allowNonRestoredState: true }), "IGNORE", "IGNORE"],
  ["job.savepointTriggerNonce", withJob({}), withJob({ savepointTriggerNonce: 1 }), "IGNORE", "IGNORE"],
  ["job.checkpointTriggerNonce", withJob({}), withJob({ checkpointTriggerNonce: 1 }), "IGNORE", "IGNORE"],
  ["job.autoscalerResetNonce", withJob({}), withJob({ autoscalerResetNonce: 1 }), "IGNORE", "IGNORE"],
  [
    "job.savepointRedeployNonce",
    withJob({}),
    withJob({ savepointRedeployNonce: 1 }),
    "SAVEPOINT_REDEPLOY",
    "SAVEPOINT_REDEPLOY",
  ],
  ["the job that appears", withSpec({ job: null }), withSpec({}), "UPGRADE", "UPGRADE"],
  ["the job that goes", withSpec({}), withSpec({ job: null }), "UPGRADE", "UPGRADE"],
];

const CONFIGURATION: readonly (readonly [string, DiffType, DiffType])[] = [
  ["job.autoscaler.enabled", "IGNORE", "IGNORE"],
  ["parallelism.default", "IGNORE", "IGNORE"],
  ["kubernetes.operator.job.restart.failed", "IGNORE", "IGNORE"],
  ["sluice.anything", "IGNORE", "IGNORE"],
  ["sluice.secret.s3.secret-key", "UPGRADE", "UPGRADE"],
  ["sluice.jar.sha256", "UPGRADE", "UPGRADE"],
  ["pipeline.jobvertex-parallelism-overrides", "SCALE", "UPGRADE"],
  ["pipeline.max-parallelism", "UPGRADE", "UPGRADE"],
  ["kubernetes.pod-template-file", "UPGRADE", "UPGRADE"],
  ["kubernetes.rest-service.annotations", "IN_PLACE", "IN_PLACE"],
  ["kubernetes.rest-service.annotations.one-of-them", "IN_PLACE", "IN_PLACE"],
  ["kubernetes.rest-service.labels", "IN_PLACE", "IN_PLACE"],
  ["kubernetes.internal-service.annotations", "IN_PLACE", "IN_PLACE"],
  ["kubernetes.internal-service.labels", "IN_PLACE", "IN_PLACE"],
  ["kubernetes.rest-service.exposed.type", "UPGRADE", "UPGRADE"],
  ["kubernetes.jobmanager.annotations", "UPGRADE", "UPGRADE"],
  ["kubernetes.jobmanager.labels", "UPGRADE", "UPGRADE"],
  ["kubernetes.taskmanager.labels", "UPGRADE", "UPGRADE"],
  ["taskmanager.numberOfTaskSlots", "UPGRADE", "UPGRADE"],
];

describe("a change of the spec is typed by its field", () => {
  it.each(FIELDS)("%s", (_, before, after, native, standalone) => {
    expect(types([before], [after])).toEqual([native, standalone]);
  });

  it.each(CONFIGURATION)("flinkConfiguration %s, added, changed and removed", (key, native, standalone) => {
    const [without, one, two] = [{}, { [key]: "1" }, { [key]: "2" }].map(withConfiguration);
    for (const [before, after] of [
      [without, one],
      [one, two],
      [two, without],
    ]) {
      expect(types([before!], [after!])).toEqual([native, standalone]);
    }
  });

  it("a taskManager that appears is compared field by field, a job as a whole", () => {
    const replicas = diff(
      [withSpec({ taskManager: null })],
      [withSpec({ taskManager: { replicas: 2 } })],
      "standalone",
    );
    expect(replicas.changes).toEqual([
      { path: "taskManager.replicas", type: "SCALE", from: undefined, to: 2 },
    ]);
    expect(diff([withSpec({ job: null })], []).changes.map(({ path }) => path)).toEqual(["job"]);
  });

  it("and the change as a whole has the highest type of its fields", () => {
    const ignored = withJob({ upgradeMode: "stateless" });
    const upgrade = withSpec({ image: "other" });
    const redeploy = withJob({ savepointRedeployNonce: 1 });
    const scale = withConfiguration({ "pipeline.jobvertex-parallelism-overrides": "a:2" });
    const inPlace = withSpec({ ingress: { template: "x" } });
    expect(diff([], [ignored, inPlace]).type).toBe("IN_PLACE");
    expect(diff([], [inPlace, scale]).type).toBe("SCALE");
    expect(diff([], [ignored, scale]).type).toBe("SCALE");
    expect(diff([], [ignored, scale, upgrade]).type).toBe("UPGRADE");
    expect(diff([], [ignored, scale, upgrade, redeploy]).type).toBe("SAVEPOINT_REDEPLOY");
  });

  it.each(["restartNonce", "job.savepointRedeployNonce"])("%s that is cleared changes nothing", (path) => {
    const name = path.replace("job.", "");
    const set = path.startsWith("job.") ? withJob : withSpec;
    expect(types([set({ [name]: 1 })], [set({ [name]: null })])).toEqual(["IGNORE", "IGNORE"]);
    expect(types([set({ [name]: 1 })], [])).toEqual(["IGNORE", "IGNORE"]);
  });
});

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

function withCpu(cpu: unknown): ResourceChange {
  const limits = { cpu };
  return withSpec({
    jobManager: { resources: { limits } },
    taskManager: {
      resources: { limits },
      podTemplate: { spec: { containers: [{ resources: { limits } }] } },
    },
  });
}

describe("null, absent and the default are the same", () => {
  const SAME: readonly (readonly [string, ResourceChange, ResourceChange])[] = [
    ["job.state", withJob({}), withJob({ state: "running" })],
    ["job.args", withJob({ args: null }), withJob({ args: [] })],
    ["job.upgradeMode", withJob({ upgradeMode: null }), withJob({ upgradeMode: "stateless" })],
    ["job.parallelism", withJob({ parallelism: null }), withJob({ parallelism: 0 })],
    ["jobManager.replicas", withSpec({ jobManager: {} }), withSpec({ jobManager: { replicas: 1 } })],
    ["jobManager", withSpec({ jobManager: null }), withSpec({ jobManager: { replicas: 1 } })],
    ["taskManager", withSpec({ taskManager: null }), withSpec({ taskManager: {} })],
    ["taskManager.replicas", withSpec({ taskManager: { replicas: null } }), withSpec({ taskManager: {} })],
    ["mode", withSpec({ mode: null }), withSpec({ mode: "native" })],
    ["restartNonce", withSpec({}), withSpec({ restartNonce: null })],
    ["flinkConfiguration", withSpec({ flinkConfiguration: null }), withSpec({ flinkConfiguration: {} })],
    ["ingress", withSpec({}), withSpec({ ingress: null })],
    ["logConfiguration", withSpec({}), withSpec({ logConfiguration: {} })],
    ["podTemplate", withSpec({}), withSpec({ podTemplate: null })],
    [
      "a field in ingress",
      withSpec({ ingress: { template: "x" } }),
      withSpec({ ingress: { template: "x", className: null, tls: null } }),
    ],
    [
      "a field in a pod template",
      withSpec({ podTemplate: { metadata: { labels: { a: "b" } } } }),
      withSpec({ podTemplate: { metadata: { labels: { a: "b" } }, spec: null } }),
    ],
  ];

  it.each(SAME)("%s", (_, before, after) => {
    expect(diff([before], [after])).toEqual({ type: "IGNORE", changes: [] });
    expect(diff([after], [before])).toEqual({ type: "IGNORE", changes: [] });
  });

  it.each(["podTemplate", "jobManager", "taskManager"])(
    "what is no part of a pod template does not count: %s",
    (place) => {
      const template = { metadata: { labels: { a: "b" } }, spec: { hostNetwork: true } };
      const asPod = { apiVersion: "v1", kind: "Pod", ...template, status: {} };
      const at = (one: object): ResourceChange =>
        withSpec({ [place]: place === "podTemplate" ? one : { podTemplate: one } });
      expect(diff([at(template)], [at(asPod)])).toEqual({ type: "IGNORE", changes: [] });
    },
  );

  it("a quantity is the same as number and as text, as the Apache operator writes numbers as text", () => {
    expect(diff([withCpu(1)], [withCpu("1")]).changes).toEqual([]);
    expect(diff([withCpu(1)], [withCpu("2")]).type).toBe("UPGRADE");
  });
});

describe("what Java's classes do not keep of a template does not count", () => {
  const container = (fields: object): object => ({
    metadata: { labels: { a: "b" } },
    spec: { containers: [{ name: "flink-main-container", ...fields }], volumes: [{ name: "v" }] },
  });
  const change = (before: object, after: object): string => {
    return diff([withSpec({ podTemplate: before })], [withSpec({ podTemplate: after })]).type;
  };

  it.each<[string, object, object]>([
    ["an empty list", container({}), container({ env: [] })],
    ["empty limits", container({ resources: {} }), container({ resources: { limits: {}, requests: {} } })],
    ["empty annotations", { metadata: { name: "a" } }, { metadata: { name: "a", annotations: {} } }],
    [
      "an empty node selector",
      { spec: { hostNetwork: true } },
      { spec: { hostNetwork: true, nodeSelector: {} } },
    ],
  ])("%s", (_, before, after) => {
    expect(change(before, after)).toBe("IGNORE");
    expect(change(after, before)).toBe("IGNORE");
  });

  it("but an empty object that means something does", () => {
    const term = (fields: object): object => ({
      spec: { affinity: { term: { topologyKey: "a", ...fields } } },
    });
    expect(change(term({}), term({ namespaceSelector: {} }))).toBe("UPGRADE");
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
  it.each<[string, unknown, unknown]>([
    ["flat and nested", { "a.b": "1", "a.c": "2" }, { a: { b: "1", c: "2" } }],
    ["partly nested", { "a.b.c": "1" }, { "a.b": { c: "1" } }],
    ["numbers and text", { a: 2, b: true, c: 1.5 }, { a: "2", b: "true", c: "1.5" }],
    ["arrays and lists", { a: ["x", "y"] }, { a: "x;y" }],
    ["order", { a: "1", b: "2" }, { b: "2", a: "1" }],
    ["a null value", { a: "1", b: null }, { a: "1" }],
  ])("%s", (_, before, after) => {
    expect(diff([config(before)], [config(after)])).toEqual({ type: "IGNORE", changes: [] });
  });

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
  it("names path, old and new value, as the Apache operator does", () => {
    expect(
      text(
        [withJob({ parallelism: 2 }), withConfiguration({ "state.checkpoints.dir": "a" })],
        [withJob({ parallelism: 4 }), withConfiguration({ "state.checkpoints.dir": "b" })],
      ),
    ).toBe(
      "Diff: FlinkDeploymentSpec[job.parallelism : 2 -> 4, flinkConfiguration.state.checkpoints.dir : a -> b]",
    );
  });

  it.each<[string, ResourceChange, ResourceChange, string]>([
    ["absent values as null", withSpec({}), withSpec({ restartNonce: 1 }), "restartNonce : null -> 1"],
    [
      "objects without their content",
      withSpec({}),
      withSpec({ ingress: { template: "x" } }),
      "ingress : null -> {..}",
    ],
    ["lists", withJob({ args: ["a"] }), withJob({ args: ["a", "b"] }), "job.args : [a] -> [a,b]"],
  ])("shows %s", (_, before, after, expected) => {
    expect(text([before], [after])).toBe(`Diff: FlinkDeploymentSpec[${expected}]`);
  });

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

  it("shows ordinary values beside hidden ones", () => {
    expect(text([], [withJob({ args: ["--password", "x"], parallelism: 4 })])).toContain(
      "job.parallelism : 2 -> 4",
    );
  });
});
