import { describe, expect, it } from "vitest";
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import type { ClusterInputs } from "./cluster-inputs.ts";
import { assembledConfiguration, deployConfiguration } from "./configuration.ts";
import { InvalidClusterError } from "./invalid-cluster.ts";

const job = { jarURI: "local:///opt/job.jar", parallelism: 2 };

function inputs(spec: FlinkDeploymentSpec = {}, extra: Partial<ClusterInputs> = {}): ClusterInputs {
  return {
    owner: { name: "my-job", namespace: "team", uid: "uid-1" },
    spec: { flinkVersion: "v1_20", job, ...spec },
    generation: 7,
    jobId: "0".repeat(32),
    restore: { kind: "none" },
    attemptId: "attempt-1",
    defaults: {},
    ...extra,
  };
}

/** The options in question, as `deployConfiguration` sets them; undefined for those it leaves out. */
function options(
  spec: FlinkDeploymentSpec,
  keys: readonly string[],
  extra: Partial<ClusterInputs> = {},
): object {
  const config = deployConfiguration(inputs(spec, extra));
  return Object.fromEntries(keys.map((key) => [key, config[key]]));
}

/** Row by row, section 2.14 of the specification. */
const table: [name: string, spec: FlinkDeploymentSpec, expected: Record<string, string | undefined>][] = [
  [
    "defaults that protect the operator's work",
    {},
    {
      "kubernetes.rest-service.exposed.type": "ClusterIP",
      "web.cancel.enable": "false",
      "$internal.flink.version": "v1_20",
      "execution.shutdown-on-application-finish": "false",
      "execution.submit-failed-job-on-application-error": "true",
    },
  ],
  [
    "what the user sets instead, except for the shutdown",
    {
      flinkConfiguration: {
        "kubernetes.rest-service.exposed.type": "NodePort",
        web: { cancel: { enable: true } },
        "execution.shutdown-on-application-finish": true,
        "execution.submit-failed-job-on-application-error": false,
      },
    },
    {
      "kubernetes.rest-service.exposed.type": "NodePort",
      "web.cancel.enable": "true",
      "execution.shutdown-on-application-finish": "false",
      "execution.submit-failed-job-on-application-error": "false",
    },
  ],
  [
    "image, pull policy and service account",
    { image: "job:1", imagePullPolicy: "Always", serviceAccount: "flink" },
    {
      "kubernetes.container.image.ref": "job:1",
      "kubernetes.container.image": undefined,
      "kubernetes.container.image.pull-policy": "Always",
      "kubernetes.service-account": "flink",
    },
  ],
  [
    "the image under the name that 1.16 knows, and under no other",
    { flinkVersion: "v1_16", image: "job:1", flinkConfiguration: { "kubernetes.container.image.ref": "x" } },
    { "kubernetes.container.image": "job:1", "kubernetes.container.image.ref": undefined },
  ],
  [
    "memory and CPU in the older form",
    {
      jobManager: { resource: { cpu: 0.5, memory: "2G" } },
      taskManager: { resource: { cpu: 2, memory: "1.5Gi" } },
    },
    {
      "jobmanager.memory.process.size": "2 gb",
      "kubernetes.jobmanager.cpu.amount": "0.5",
      "kubernetes.jobmanager.cpu": undefined,
      "taskmanager.memory.process.size": "1610612736",
      "kubernetes.taskmanager.cpu.amount": "2",
    },
  ],
  [
    "memory that nobody can read, left for Flink to name",
    { jobManager: { resource: { memory: "lots" } } },
    { "jobmanager.memory.process.size": "lots" },
  ],
  [
    "CPU under both names before 1.17",
    { flinkVersion: "v1_16", jobManager: { resource: { cpu: 1 } } },
    { "kubernetes.jobmanager.cpu.amount": "1", "kubernetes.jobmanager.cpu": "1" },
  ],
  [
    "requests and limits, which win over the older form",
    {
      jobManager: {
        resource: { cpu: 9, memory: "9g" },
        resources: { requests: { cpu: "500m", memory: "1Gi" }, limits: { cpu: "2", memory: "1.5Gi" } },
      },
      taskManager: { resources: { limits: { cpu: 2, memory: "2Gi" } } },
    },
    {
      "kubernetes.jobmanager.cpu.amount": "0.5",
      "kubernetes.jobmanager.cpu.limit-factor": "4",
      "jobmanager.memory.process.size": "1073741824",
      "kubernetes.jobmanager.memory.limit-factor": "1.5",
      "kubernetes.taskmanager.cpu.amount": "2",
      "kubernetes.taskmanager.cpu.limit-factor": undefined,
      "taskmanager.memory.process.size": "2147483648",
      "kubernetes.taskmanager.memory.limit-factor": undefined,
    },
  ],
  [
    "empty requests and limits count as none",
    { jobManager: { resources: { requests: {}, limits: {} }, resource: { memory: "1g" } } },
    { "jobmanager.memory.process.size": "1 gb" },
  ],
  [
    "replicas",
    { jobManager: { replicas: 3 }, taskManager: { replicas: 5 } },
    { "kubernetes.jobmanager.replicas": "3", "kubernetes.internal.taskmanager.replicas": "5" },
  ],
  [
    "a job: target, jar, parallelism, name",
    {},
    {
      "execution.target": "kubernetes-application",
      "pipeline.jars": "local:///opt/job.jar",
      "parallelism.default": "2",
      "pipeline.name": "my-job",
      "kubernetes.namespace": "team",
      "kubernetes.cluster-id": "my-job",
    },
  ],
  [
    "the parallelism of TaskManager replicas and their slots",
    { taskManager: { replicas: 3 }, flinkConfiguration: { "taskmanager.numberOfTaskSlots": 4 } },
    { "parallelism.default": "12" },
  ],
  [
    "main class, arguments and state that may be left",
    { job: { ...job, entryClass: "org.example.Main", args: ["a", "b;c"], allowNonRestoredState: false } },
    {
      "$internal.application.main": "org.example.Main",
      "$internal.application.program-args": "a;'b;c'",
      "execution.savepoint.ignore-unclaimed-state": "false",
    },
  ],
  [
    "lists in the form that Flink 2 reads without doubt",
    { flinkVersion: "v2_3", job: { ...job, args: ["[1]", "b;c"] } },
    {
      "$internal.application.program-args": '["[1]","b;c"]',
      "pipeline.jars": '["local:///opt/job.jar"]',
    },
  ],
  [
    "checkpoints that outlive the job; an interval only where the last state is wanted",
    {},
    {
      "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
      "execution.checkpointing.interval": undefined,
    },
  ],
  [
    "an interval for last-state",
    { job: { ...job, upgradeMode: "last-state" } },
    { "execution.checkpointing.interval": "5 min" },
  ],
  [
    "no job: a session",
    { job: undefined } as never,
    {
      "execution.target": "kubernetes-session",
      "pipeline.name": undefined,
      "$internal.pipeline.job-id": undefined,
      "execution.shutdown-on-application-finish": undefined,
    },
  ],
  [
    "HA's cluster id under no other name",
    {
      flinkConfiguration: {
        "high-availability.type": "kubernetes",
        "high-availability.cluster-id": "mine",
        "high-availability.zookeeper.path.namespace": "mine",
      },
    },
    { "high-availability.cluster-id": "my-job", "high-availability.zookeeper.path.namespace": undefined },
  ],
  [
    "the generation among the user's annotations",
    { flinkConfiguration: { "kubernetes.jobmanager.annotations": "a:b" } },
    { "kubernetes.jobmanager.annotations": "a:b,flinkdeployment.flink.apache.org/generation:7" },
  ],
  [
    "annotations that were nested become one value",
    { flinkConfiguration: { kubernetes: { jobmanager: { annotations: { "a.b/c": "d" } } } } },
    {
      "kubernetes.jobmanager.annotations": "a.b/c:d,flinkdeployment.flink.apache.org/generation:7",
      "kubernetes.jobmanager.annotations.a.b/c": undefined,
    },
  ],
  [
    "nothing of the operator's, the autoscaler's and Sluice's own",
    {
      flinkConfiguration: {
        "kubernetes.operator.savepoint.history.max.count": 1,
        "job.autoscaler.enabled": true,
        "sluice.x": 1,
        "kubernetes.pod-template-file.taskmanager": "/tmp/x",
      },
    },
    {
      "kubernetes.operator.savepoint.history.max.count": undefined,
      "job.autoscaler.enabled": undefined,
      "sluice.x": undefined,
      "kubernetes.pod-template-file.taskmanager": undefined,
    },
  ],
];

describe("the configuration of a deployment", () => {
  it.each(table)("holds %s", (_, spec, expected) => {
    expect(options(spec, Object.keys(expected))).toEqual(expected);
  });

  it("is the operator's, overridden by the user's", () => {
    const extra = { defaults: { a: "1", b: "1" } };
    expect(options({ flinkConfiguration: { b: 2 } }, ["a", "b"], extra)).toEqual({ a: "1", b: "2" });
  });

  it("opens the JDK for Java 17 where the user and the operator do not say how", () => {
    const keys = ["env.java.default-opts.all", "env.java.opts.all"];
    const flags = expect.stringContaining("--add-opens=java.base/java.util=ALL-UNNAMED") as unknown;
    const of = (flinkVersion: "v1_17" | "v1_18" | "v1_19" | "v2_3", config = {}): object =>
      options({ flinkVersion, flinkConfiguration: config }, keys);
    const [current, older] = keys as [string, string];
    expect(of("v1_17")).toEqual({});
    expect(of("v1_18")).toEqual({ [older]: flags });
    expect(of("v1_19")).toEqual({ [current]: flags });
    expect(of("v2_3", { [older]: "-Dx" })).toEqual({ [current]: flags, [older]: "-Dx" });
    expect(of("v2_3", { [current]: "-Dx" })).toEqual({ [current]: "-Dx" });
    expect(of("v1_18", { "env.java.opts": "-Dx" })).toEqual({});
    expect(options({ flinkVersion: "v1_19" }, keys, { defaults: { [current]: "-Dy" } })).toEqual({
      [current]: "-Dy",
    });
  });

  it("names the owner, unless there is none yet", () => {
    const key = "kubernetes.jobmanager.owner.reference";
    expect(deployConfiguration(inputs())[key]).toBe(
      "apiVersion:flink.apache.org/v1beta1,kind:FlinkDeployment,name:my-job,uid:uid-1,blockOwnerDeletion:true,controller:false",
    );
    const owner = { name: "my-job", namespace: "team", uid: "" };
    expect(deployConfiguration(inputs({}, { owner }))[key]).toBeUndefined();
  });

  it("keeps the operator's options where they are still needed", () => {
    const config = { "kubernetes.operator.pod-template.merge-arrays-by-name": true };
    expect(assembledConfiguration(inputs({ flinkConfiguration: config }))).toMatchObject({
      "kubernetes.operator.pod-template.merge-arrays-by-name": "true",
    });
  });

  it("needs a version, and annotations that are a map", () => {
    expect(() => deployConfiguration(inputs({ flinkVersion: undefined } as never))).toThrow(
      InvalidClusterError,
    );
    const config = { "kubernetes.jobmanager.annotations": "a" };
    expect(() => deployConfiguration(inputs({ flinkConfiguration: config }))).toThrow(
      "kubernetes.jobmanager.annotations",
    );
  });
});

describe("where the state comes from", () => {
  const user = { "execution.savepoint.path": "s3://old", "execution.state-recovery.path": "s3://new" };
  const keys = Object.keys(user);

  it.each<[name: string, restore: ClusterInputs["restore"], path: string | undefined]>([
    ["nowhere", { kind: "none" }, undefined],
    ["a savepoint", { kind: "savepoint", path: "s3://sp" }, "s3://sp"],
    ["the HA metadata", { kind: "last-state", marker: true }, "KUBERNETES_OPERATOR_LAST_STATE"],
    ["HA metadata without a checkpoint", { kind: "last-state", marker: false }, undefined],
  ])("%s, never a path that the user left there", (_, restore, path) => {
    expect(options({ flinkConfiguration: user }, keys, { restore })).toEqual({
      "execution.savepoint.path": path,
    });
  });

  it("a session's own path is the user's business", () => {
    expect(options({ job: undefined, flinkConfiguration: user } as never, keys)).toEqual(user);
  });
});

describe("one attempt after the other", () => {
  const storage = { "high-availability.storageDir": "s3://ha" };

  it("gets a place of its own for its results, which stay", () => {
    const keys = ["job-result-store.delete-on-commit", "job-result-store.storage-path"];
    expect(options({ flinkConfiguration: storage }, keys)).toEqual({
      "job-result-store.delete-on-commit": "false",
      "job-result-store.storage-path": "s3://ha/job-result-store/my-job/attempt-1",
    });
    const own = { ...storage, "job-result-store.delete-on-commit": true };
    expect(options({ flinkConfiguration: own }, keys)).toMatchObject({
      "job-result-store.delete-on-commit": "true",
    });
    expect(options({}, keys)).toEqual({});
    expect(options({ job: undefined, flinkConfiguration: storage } as never, keys)).toEqual({});
  });

  it("has the job id that was recorded, or the user's", () => {
    const key = "$internal.pipeline.job-id";
    expect(options({}, [key])).toEqual({ [key]: "0".repeat(32) });
    expect(options({ flinkConfiguration: { [key]: "mine" } }, [key])).toEqual({ [key]: "mine" });
  });
});
