import { describe, expect, it } from "vitest";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import { flattenConfiguration } from "../../flink/configuration.ts";
import type { Finding } from "./finding.ts";
import { validateFlinkDeployment } from "./flink-deployment.ts";

type Loose = Record<string, unknown>;

const CHECKPOINTS = { "state.checkpoints.dir": "s3://b/c" };
const SAVEPOINTS = { "state.savepoints.dir": "s3://b/s" };
const HA = { "high-availability.type": "kubernetes", "high-availability.storageDir": "s3://b/ha" };

/** A valid application; `change` is laid over its spec. */
function deployment(change: Loose = {}, name = "job"): FlinkDeployment {
  const spec: Loose = {
    flinkVersion: "v1_20",
    serviceAccount: "flink",
    jobManager: { resource: { memory: "1g" } },
    taskManager: { resource: { memory: "2g" } },
    job: { jarURI: "local:///opt/flink/usrlib/job.jar", parallelism: 2 },
    ...change,
  };
  return {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata: { name, namespace: "team" },
    spec,
  };
}

function validate(resource: FlinkDeployment, operator: Record<string, string> = {}, last?: Loose): Finding[] {
  const own = flattenConfiguration(resource.spec?.flinkConfiguration);
  return validateFlinkDeployment(
    resource,
    { ...operator, ...own },
    last === undefined ? undefined : { spec: last },
  );
}

const inOneLine = ({ severity, path, message }: Finding): string =>
  `${severity === "error" ? "" : "warning: "}${path}: ${message}`;

/** The job with another field or two; `parallelism` 2 unless given. */
const job = (change: Loose): Loose => ({ job: { parallelism: 2, ...change } });
const config = (flinkConfiguration: Loose): Loose => ({ flinkConfiguration });

describe("a valid FlinkDeployment has no findings", () => {
  it.each<[string, Loose]>([
    ["an application", {}],
    ["a session cluster", { job: undefined }],
    ["null where something is absent", { ingress: null, podTemplate: null, logConfiguration: null }],
    [
      "savepoint upgrades",
      { ...job({ upgradeMode: "savepoint" }), ...config({ ...CHECKPOINTS, ...SAVEPOINTS }) },
    ],
    ["last-state upgrades", { ...job({ upgradeMode: "last-state" }), ...config(CHECKPOINTS) }],
    [
      "directories by their new names",
      {
        ...job({ upgradeMode: "savepoint" }),
        ...config({ execution: { checkpointing: { dir: "s3://a", "savepoint-dir": "s3://b" } } }),
      },
    ],
    [
      "TaskManager replicas instead of a parallelism",
      { job: {}, taskManager: { replicas: 3, resource: { memory: "2g" } } },
    ],
    [
      "standby JobManagers with HA",
      { jobManager: { replicas: 2, resource: { memory: "1g" } }, ...config(HA) },
    ],
    [
      "memory through the configuration",
      {
        jobManager: undefined,
        taskManager: undefined,
        ...config({ "jobmanager.memory.process.size": "1600m", "taskmanager.memory.flink.size": "1g" }),
      },
    ],
    [
      "memory as requests and limits",
      {
        jobManager: {
          resources: { requests: { memory: "1Gi", cpu: 1 }, limits: { memory: "2Gi", cpu: "1500m" } },
        },
        taskManager: { resources: { limits: { memory: "2Gi", "nvidia.com/gpu": 1 } } },
      },
    ],
    [
      "memory as a Kubernetes quantity",
      { taskManager: { resource: { memory: "1.5Gi", ephemeralStorage: "5Gi" } } },
    ],
    ["an ingress without a scheme", { ingress: { template: "{{name}}.{{namespace}}.flink.example.com" } }],
    [
      "an ingress that is a path with a pattern",
      { ingress: { template: "/{{namespace}}/{{name}}(/|$)(.*)" } },
    ],
    ["log files", { logConfiguration: { "log4j-console.properties": "", "logback-console.xml": "" } }],
    [
      "periodic savepoints by cron",
      config({ ...SAVEPOINTS, "kubernetes.operator.periodic.savepoint.interval": "0 0 3 * * ?" }),
    ],
    ["a jar that Flink downloads", job({ jarURI: "https://example.com/job.jar" })],
    ["a standalone cluster", { mode: "standalone" }],
    ["a reactive job", { mode: "standalone", ...config({ "scheduler-mode": "REACTIVE" }) }],
    [
      "a standalone job's jar from a server",
      { mode: "standalone", ...job({ jarURI: "https://example.com/job.jar", entryClass: "a.B" }) },
    ],
    ["a standalone job whose jar is where Flink looks", { mode: "standalone", ...job({}) }],
    [
      "an autoscaler with periods without scaling",
      config({
        "job.autoscaler.enabled": "true",
        "job.autoscaler.excluded.periods": "09:00-11:00 && * * * ? * MON-FRI; 0-9 0 12 * * ?",
      }),
    ],
    ["wrong autoscaler bounds while it is off", config({ "job.autoscaler.utilization.target": "7" })],
    ["options that nobody here knows", config({ "state.backend.type": "rocksdb", "my.own": 1 })],
    [
      "maps among the operator's options",
      config({
        "kubernetes.operator.user.artifacts.http.header.X-A": "b",
        "kubernetes.operator.exception.label.mapper": "a:b",
      }),
    ],
  ])("%s", (_, change) => {
    expect(validate(deployment(change)).map(inOneLine)).toEqual([]);
  });
});

describe("what the Apache operator checks", () => {
  it.each<[string, Loose, string[]]>([
    ["no Flink version", { flinkVersion: undefined }, ["spec.flinkVersion: is required"]],
    ["a version too old", { flinkVersion: "v1_14" }, ["spec.flinkVersion: v1_14 is not supported"]],
    [
      "forbidden keys",
      config({ kubernetes: { namespace: "a", "cluster-id": "b" }, "high-availability.cluster-id": "c" }),
      [
        'spec.flinkConfiguration["kubernetes.namespace"]: is set by the operator and must not be given',
        'spec.flinkConfiguration["kubernetes.cluster-id"]: is set by the operator and must not be given',
        'spec.flinkConfiguration["high-availability.cluster-id"]: is set by the operator and must not be given',
      ],
    ],
    [
      "rollback without HA",
      config({ "kubernetes.operator.deployment.rollback.enabled": true }),
      ['spec.flinkConfiguration["kubernetes.operator.deployment.rollback.enabled"]: needs high availability'],
    ],
    [
      "health checks without recovery",
      config({
        "kubernetes.operator.cluster.health-check.enabled": true,
        "kubernetes.operator.jm-deployment-recovery.enabled": false,
      }),
      [
        'spec.flinkConfiguration["kubernetes.operator.cluster.health-check.enabled"]: needs kubernetes.operator.jm-deployment-recovery.enabled',
      ],
    ],
    [
      "an ingress without template",
      { ingress: { className: "nginx" } },
      ["spec.ingress.template: is required"],
    ],
    [
      "an ingress that is no URL",
      { ingress: { template: "http://{{name}}:port" } },
      ['spec.ingress.template: is no URL: "http://{{name}}:port"'],
    ],
    [
      "an unknown log file",
      { logConfiguration: { "log4j.properties": "" } },
      [
        'spec.logConfiguration["log4j.properties"]: no such log file; known are log4j-console.properties and logback-console.xml',
      ],
    ],
    [
      "last-state without a checkpoint directory",
      job({ upgradeMode: "last-state" }),
      ['spec.flinkConfiguration["execution.checkpointing.dir"]: is required with upgradeMode last-state'],
    ],
    [
      "savepoints without any directory, on a Flink that knows the old names only",
      { flinkVersion: "v1_18", ...job({ upgradeMode: "savepoint" }) },
      [
        'spec.flinkConfiguration["state.checkpoints.dir"]: is required with upgradeMode savepoint',
        'spec.flinkConfiguration["state.savepoints.dir"]: is required with upgradeMode savepoint',
      ],
    ],
    [
      "a blank directory",
      { ...job({ upgradeMode: "last-state" }), ...config({ "state.checkpoints.dir": " " }) },
      ['spec.flinkConfiguration["execution.checkpointing.dir"]: is required with upgradeMode last-state'],
    ],
    [
      "three users of a missing savepoint directory",
      {
        ...job({ savepointTriggerNonce: 1 }),
        ...config({
          "kubernetes.operator.periodic.savepoint.interval": "6 h",
          "kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age": "1 h",
        }),
      },
      [
        'spec.flinkConfiguration["execution.checkpointing.savepoint-dir"]: is required with savepointTriggerNonce and kubernetes.operator.periodic.savepoint.interval and kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age',
      ],
    ],
    ["parallelism 0", job({ parallelism: 0 }), ["spec.job.parallelism: must be at least 1, is 0"]],
    ["no parallelism", { job: {} }, ["spec.job.parallelism: must be at least 1, is 0"]],
    [
      "no TaskManagers",
      { taskManager: { replicas: 0, resource: { memory: "2g" } } },
      ["spec.taskManager.replicas: must be at least 1, is 0"],
    ],
    [
      "no JobManagers",
      { jobManager: { replicas: 0, resource: { memory: "1g" } } },
      ["spec.jobManager.replicas: must be at least 1, is 0"],
    ],
    [
      "standby JobManagers without HA",
      { jobManager: { replicas: 2, resource: { memory: "1g" } } },
      ["spec.jobManager.replicas: 2 JobManagers need high availability"],
    ],
    [
      "no memory",
      { jobManager: undefined, taskManager: { resource: { cpu: 1 } } },
      [
        "spec.jobManager.resource.memory: is required: no memory is configured: neither jobmanager.memory.process.size, nor jobmanager.memory.flink.size, nor jobmanager.memory.heap.size",
        "spec.taskManager.resource.memory: is required: no memory is configured: neither taskmanager.memory.process.size, nor taskmanager.memory.flink.size, nor taskmanager.memory.task.heap.size with taskmanager.memory.managed.size",
      ],
    ],
    [
      "memory and storage that cannot be read",
      { jobManager: { resource: { memory: "much", ephemeralStorage: "more" } } },
      [
        'spec.jobManager.resource.memory: is no memory size: "much"',
        'spec.jobManager.resource.ephemeralStorage: is no quantity: "more"',
      ],
    ],
    [
      "wrong quantities",
      {
        jobManager: {
          resources: {
            requests: { memory: "2Gi", cpu: 0, "ephemeral-storage": -1 },
            limits: { memory: "x", "nvidia.com/gpu": "y" },
          },
        },
      },
      [
        "spec.jobManager.resources.requests.cpu: must be more than 0, is 0",
        "spec.jobManager.resources.requests.ephemeral-storage: must not be negative, is -1",
        'spec.jobManager.resources.limits.memory: is no memory size: "x"',
        'spec.jobManager.resources.limits["nvidia.com/gpu"]: is no quantity: "y"',
      ],
    ],
    [
      "requests above limits",
      {
        taskManager: {
          resources: { requests: { memory: "4Gi", cpu: 2 }, limits: { memory: "2Gi", cpu: "500m" } },
        },
      },
      [
        "spec.taskManager.resources.requests.cpu: must not be more than its limit: 2 is more than 500m",
        "spec.taskManager.resources.requests.memory: must not be more than its limit: 4Gi is more than 2Gi",
      ],
    ],
    ["no service account", { serviceAccount: undefined }, ["spec.serviceAccount: is required"]],
    [
      "autoscaler options out of bounds",
      config({
        "job.autoscaler.enabled": true,
        "job.autoscaler.utilization.target": 1.5,
        "kubernetes.operator.job.autoscaler.scale-down.max-factor": -1,
        "job.autoscaler.memory.gc-pressure.threshold": 2,
        "job.autoscaler.excluded.periods": "11:00-09:00",
        "job.autoscaler.metrics.window": "10 s",
      }),
      [
        'spec.flinkConfiguration["job.autoscaler.scale-down.max-factor"]: must be at least 0, is -1',
        'spec.flinkConfiguration["job.autoscaler.utilization.target"]: must be from 0 to 1, is 1.5',
        'spec.flinkConfiguration["job.autoscaler.memory.gc-pressure.threshold"]: must be from 0 to 1, is 2',
        'spec.flinkConfiguration["job.autoscaler.excluded.periods"]: is no period: "11:00-09:00"',
        'spec.flinkConfiguration["job.autoscaler.metrics.window"]: must not be shorter than the operator\'s kubernetes.operator.reconcile.interval (60 s): it would never hold two samples',
      ],
    ],
    [
      "bounds of a feature that is on",
      config({
        "job.autoscaler.enabled": true,
        "job.autoscaler.memory.tuning.enabled": true,
        "job.autoscaler.memory.tuning.overhead": 3,
      }),
      ['spec.flinkConfiguration["job.autoscaler.memory.tuning.overhead"]: must be from 0 to 1, is 3'],
    ],
  ])("%s", (_, change, expected) => {
    expect(validate(deployment(change)).map(inOneLine)).toEqual(expected);
  });

  it.each<[string, string]>([
    ["", "is required"],
    [
      "My_Job",
      'must be lower case letters, digits and "-", starting with a letter and not ending with "-"; is "My_Job"',
    ],
    [
      "1-job",
      'must be lower case letters, digits and "-", starting with a letter and not ending with "-"; is "1-job"',
    ],
    ["a".repeat(46), "must have at most 45 characters, has 46"],
  ])("the name %j", (name, message) => {
    expect(validate(deployment({}, name)).map(inOneLine)).toEqual([`metadata.name: ${message}`]);
  });

  it("takes options from the operator's defaults", () => {
    const operator = { ...CHECKPOINTS, ...SAVEPOINTS, "jobmanager.memory.process.size": "1600m" };
    const spec = { ...job({ upgradeMode: "savepoint" }), jobManager: undefined };
    expect(validate(deployment(spec), operator)).toEqual([]);
  });
});

describe("what must not change once something is deployed", () => {
  const running = { flinkVersion: "v1_20", job: { parallelism: 2 } };

  it.each<[string, Loose, Loose, string[]]>([
    ["nothing changed", {}, running, []],
    [
      "application to session",
      { job: undefined },
      running,
      ["spec.job: cannot be removed: an application cluster does not become a session cluster"],
    ],
    [
      "session to application",
      {},
      { flinkVersion: "v1_20" },
      ["spec.job: cannot be added: a session cluster does not become an application cluster"],
    ],
    [
      "native to standalone",
      { mode: "standalone" },
      running,
      ["spec.mode: cannot change from native to standalone"],
    ],
    ["native, written or not", { mode: "native" }, running, []],
    [
      "standalone to native",
      {},
      { ...running, mode: "standalone" },
      ["spec.mode: cannot change from standalone to native"],
    ],
    [
      "a redeployment without a savepoint",
      job({ savepointRedeployNonce: 1 }),
      running,
      [
        "spec.job.initialSavepointPath: is required when savepointRedeployNonce changes: it is where the job starts from",
      ],
    ],
    [
      "a redeployment from a savepoint",
      job({ savepointRedeployNonce: 1, initialSavepointPath: "s3://b/s" }),
      running,
      [],
    ],
    [
      "an old nonce",
      job({ savepointRedeployNonce: 1 }),
      { ...running, job: { savepointRedeployNonce: 1 } },
      [],
    ],
    [
      "the version, while suspended with last-state",
      { flinkVersion: "v2_0", ...job({ upgradeMode: "last-state" }), ...config(CHECKPOINTS) },
      { ...running, job: { state: "suspended", upgradeMode: "last-state" } },
      [
        "spec.flinkVersion: must not change, was v1_20, while the job is suspended with last-state: HA metadata is read only by the version that wrote it",
      ],
    ],
    [
      "high availability, while stopped with last-state",
      { ...job({ upgradeMode: "last-state" }), ...config(CHECKPOINTS) },
      {
        ...running,
        ...config({ ...CHECKPOINTS, "high-availability": "kubernetes" }),
        job: { state: "suspended", upgradeMode: "last-state" },
      },
      [
        'spec.flinkConfiguration["high-availability.type"]: must stay set while the job is stopped with last-state: its state is in the HA metadata',
      ],
    ],
    [
      "high availability, going on without state",
      {},
      {
        ...running,
        ...config({ "high-availability": "kubernetes" }),
        job: { state: "suspended", upgradeMode: "last-state" },
      },
      [],
    ],
    [
      "high availability, while stopped with a savepoint",
      {
        ...job({ upgradeMode: "savepoint" }),
        ...config({ ...CHECKPOINTS, "state.savepoints.dir": "s3://b/s" }),
      },
      {
        ...running,
        ...config({ "high-availability": "kubernetes" }),
        job: { state: "suspended", upgradeMode: "savepoint" },
      },
      [],
    ],
    [
      "the version, going on without state",
      { flinkVersion: "v2_0" },
      { ...running, job: { state: "suspended", upgradeMode: "last-state" } },
      [],
    ],
  ])("%s", (_, change, last, expected) => {
    expect(validate(deployment(change), {}, last).map(inOneLine)).toEqual(expected);
  });
});

describe("what the Apache operator does not check", () => {
  it.each<[string, Loose, string[]]>([
    [
      "a JobManager below what the JVM takes",
      { jobManager: { resource: { memory: "300m" } } },
      [
        "spec.jobManager.resource.memory: is too small for Flink: 300 MiB is less than the JVM itself takes: metaspace 256 MiB and overhead 192 MiB",
      ],
    ],
    [
      "a TaskManager below what Flink takes",
      { taskManager: { resources: { limits: { memory: "500Mi" } } } },
      [
        "spec.taskManager.resources.limits.memory: is too small for Flink: 500 MiB leaves Flink 52 MiB, which is less than framework heap 128 MiB, framework off-heap 128 MiB, task off-heap 0 MiB, managed 20.8 MiB and network 64 MiB together",
      ],
    ],
    [
      "a JobManager that would start but hardly work",
      { jobManager: { resource: { memory: "600m" } } },
      [
        "warning: spec.jobManager.resource.memory: leaves the JobManager a heap of 24 MiB; Flink recommends at least 128 MiB",
      ],
    ],
    [
      "sizes that do not add up",
      config({ "jobmanager.memory.flink.size": "700m" }),
      [
        "spec.jobManager.resource.memory: is too small for Flink: 1024 MiB less Flink's 700 MiB and metaspace 256 MiB leaves 68 MiB of JVM overhead, outside 192 MiB to 1024 MiB",
      ],
    ],
    [
      "sizes that leave too much",
      { jobManager: { resource: { memory: "4g" } }, ...config({ "jobmanager.memory.flink.size": "1g" }) },
      [
        "spec.jobManager.resource.memory: does not fit Flink's memory model: 4096 MiB less Flink's 1024 MiB and metaspace 256 MiB leaves 2816 MiB of JVM overhead, outside 192 MiB to 1024 MiB",
      ],
    ],
    [
      "an option of the memory model that cannot be read",
      config({ "taskmanager.memory.managed.fraction": "half" }),
      [
        'spec.flinkConfiguration["taskmanager.memory.managed.fraction"]: "half" is no fraction from 0 up to, not including, 1, of 2048 MiB in spec.taskManager.resource.memory',
      ],
    ],
    [
      "values of a wrong type, once each",
      { flinkVersion: "1.20", jobManager: { resource: { memory: 1024 } }, ...job({ parallelism: "2" }) },
      [
        'spec.flinkVersion: must be one of v1_13, v1_14, v1_15, v1_16, v1_17, v1_18, v1_19, v1_20, v2_0, v2_1, v2_2, v2_3, v2_4; is the text "1.20"',
        "spec.jobManager.resource.memory: must be text, is the number 1024",
        'spec.job.parallelism: must be a whole number, is the text "2"',
      ],
    ],
    [
      "unreadable values of options",
      config({
        "kubernetes.operator.jm-deployment.shutdown-ttl": "soon",
        "kubernetes.operator.job.restart.failed": "yes",
        "execution.checkpointing.interval": "10 fortnights",
        "taskmanager.numberOfTaskSlots": 1.5,
        "kubernetes.operator.periodic.checkpoint.interval": "0 0 25 * * ?",
        "job.autoscaler.quota.memory": "much",
        "kubernetes.rest-service.annotations": "scrape",
        "kubernetes.rest-service.labels": "team:blue,tier:back",
        "kubernetes.internal-service.labels.team": "blue",
      }),
      [
        'spec.flinkConfiguration["kubernetes.operator.jm-deployment.shutdown-ttl"]: must be a duration, is "soon"',
        'spec.flinkConfiguration["kubernetes.operator.job.restart.failed"]: must be true or false, is "yes"',
        'spec.flinkConfiguration["execution.checkpointing.interval"]: must be a duration, is "10 fortnights"',
        'spec.flinkConfiguration["taskmanager.numberOfTaskSlots"]: must be a whole number, is "1.5"',
        'spec.flinkConfiguration["kubernetes.operator.periodic.checkpoint.interval"]: must be a duration or a Quartz cron expression, is "0 0 25 * * ?"',
        'spec.flinkConfiguration["job.autoscaler.quota.memory"]: must be a memory size of Flink\'s, is "much"',
        'spec.flinkConfiguration["kubernetes.rest-service.annotations"]: must be a map, is "scrape"',
      ].toSorted(),
    ],
    [
      "an unknown option of the operator",
      config({ "kubernetes.operator.job.restart.faild": true }),
      [
        'warning: spec.flinkConfiguration["kubernetes.operator.job.restart.faild"]: no such option, so it does nothing',
      ],
    ],
    [
      "an option that only the operator reads",
      config({ "kubernetes.operator.reconcile.interval": "5 s" }),
      [
        'warning: spec.flinkConfiguration["kubernetes.operator.reconcile.interval"]: does nothing here: it is read from the operator\'s own configuration only',
      ],
    ],
    [
      "an option given twice",
      config({ "rest.port": 1, rest: { port: 2 } }),
      ['warning: spec.flinkConfiguration["rest.port"]: is set twice, flat and nested; "2" would win'],
    ],
    [
      "HA without a place for its data",
      config({ "high-availability": "kubernetes" }),
      [
        'warning: spec.flinkConfiguration["high-availability.storageDir"]: is required by Flink for high availability',
      ],
    ],
    [
      "a configuration that is text",
      { flinkConfiguration: "a: b" },
      ['spec.flinkConfiguration: must be a map of options, is the text "a: b"'],
    ],
    [
      "a jar without a scheme, relative",
      job({ jarURI: "job.jar" }),
      ['spec.job.jarURI: has no scheme: "job.jar"'],
    ],
    [
      "a jar without a scheme, which Flink 1.20 finds",
      job({ jarURI: "/opt/job.jar" }),
      ['warning: spec.job.jarURI: has no scheme: "/opt/job.jar"'],
    ],
    [
      "a jar in a bucket, in standalone mode",
      { mode: "standalone", ...job({ jarURI: "s3://bucket/job.jar" }) },
      ["spec.job.jarURI: cannot be fetched from s3 with mode standalone"],
    ],
    [
      "a jar from a server without its class, in standalone mode",
      { mode: "standalone", ...job({ jarURI: "https://example.com/job.jar" }) },
      [
        "spec.job.entryClass: is required with mode standalone for a jar from https: Flink looks into jars of the image only",
      ],
    ],
    [
      "reactive natively",
      config({ "scheduler-mode": "reactive" }),
      ["spec.flinkConfiguration.scheduler-mode: reactive works only for a job with mode standalone"],
    ],
    [
      "reactive without a job",
      { mode: "standalone", job: undefined, ...config({ "scheduler-mode": "reactive" }) },
      ["spec.flinkConfiguration.scheduler-mode: reactive works only for a job with mode standalone"],
    ],
    [
      "a scheduler mode that Flink does not know",
      { mode: "standalone", ...config({ "scheduler-mode": "reactiv" }) },
      ['spec.flinkConfiguration.scheduler-mode: must be one of reactive; is "reactiv"'],
    ],
    [
      "a jar without a scheme, in standalone mode",
      { mode: "standalone", ...job({ jarURI: "/opt/job.jar" }) },
      ['spec.job.jarURI: has no scheme: "/opt/job.jar"'],
    ],
  ])("%s", (_, change, expected) => {
    expect(validate(deployment(change)).map(inOneLine).toSorted()).toEqual(expected.toSorted());
  });

  it("says what would be right", () => {
    const findings = validate(
      deployment({
        flinkVersion: "1.20",
        taskManager: { resource: { memory: "500m" } },
        ...config({ "kubernetes.operator.savepoint.format": "NATIVE" }),
      }),
    );
    expect(findings.map(({ expected }) => expected)).toEqual([
      "v1_20",
      "982m",
      "kubernetes.operator.savepoint.format.type",
    ]);
    expect(validate(deployment({ taskManager: { resource: { memory: "982m" } } }))).toEqual([]);
  });
});
