import { parse } from "yaml";
import { expect, test } from "vitest";
import type { ClusterInputs } from "../../resources/cluster-inputs.ts";
import { clusterMemory, localCluster } from "./configuration.ts";

const PORTS = { rest: 18081, rpc: 16123 };

function inputs(change: Partial<ClusterInputs> & { spec?: ClusterInputs["spec"] } = {}): ClusterInputs {
  return {
    owner: { name: "counting", namespace: "default", uid: "u" },
    generation: 3,
    jobId: "0123456789abcdef0123456789abcdef",
    restore: { kind: "none" },
    attemptId: "a",
    defaults: {},
    ...change,
    spec: {
      mode: "standalone",
      flinkVersion: "v2_3",
      serviceAccount: "flink",
      jobManager: { resource: { memory: "1g" } },
      taskManager: { resource: { memory: "1500m" } },
      job: { jarURI: "file:///jars/job.jar", parallelism: 2, args: ["--jars", "x"], entryClass: "a.Main" },
      ...change.spec,
    },
  };
}

test("processes listen on loopback and find each other there, whatever the job file says", () => {
  const elsewhere = {
    "rest.port": "9000",
    "rest.bind-address": "0.0.0.0",
    "jobmanager.rpc.port": "1",
    "taskmanager.bind-host": "0.0.0.0",
    "taskmanager.rpc.port": "6122",
    "blob.server.port": "6124",
    "kubernetes.cluster-id": "x",
  };
  const { config } = localCluster(inputs({ spec: { flinkConfiguration: elsewhere } }), PORTS, "/tmp/t");
  expect(config).toMatchObject({
    "rest.port": "18081",
    "rest.address": "127.0.0.1",
    "rest.bind-address": "127.0.0.1",
    "jobmanager.rpc.address": "127.0.0.1",
    "jobmanager.rpc.port": "16123",
    "jobmanager.bind-host": "127.0.0.1",
    "taskmanager.bind-host": "127.0.0.1",
    "taskmanager.host": "127.0.0.1",
    "io.tmp.dirs": "/tmp/t",
    "parallelism.default": "2",
    "jobmanager.memory.process.size": "1 gb",
    "$internal.pipeline.job-id": "0123456789abcdef0123456789abcdef",
  });
  for (const key of ["taskmanager.rpc.port", "blob.server.port", "pipeline.classpaths"]) {
    expect(config[key]).toBeUndefined();
  }
  expect(Object.keys(config).filter((key) => key.startsWith("kubernetes."))).toEqual([]);
});

test("the jar and the state go to the JobManager as arguments, and the job's own last", () => {
  const restore = { kind: "savepoint", path: "file:///s/savepoint-1" } as const;
  expect(localCluster(inputs({ restore }), PORTS, "/t").jobManagerArguments).toEqual([
    "--jars",
    "file:///jars/job.jar",
    "--job-classname",
    "a.Main",
    "--fromSavepoint",
    "file:///s/savepoint-1",
    "--",
    "--jars",
    "x",
  ]);
});

test.each([
  ["v2_3", "config.yaml"],
  ["v1_20", "flink-conf.yaml"],
] as const)("Flink %s reads %s", (flinkVersion, name) => {
  const { files } = localCluster(inputs({ spec: { flinkVersion } }), PORTS, "/t");
  expect(Object.keys(files).toSorted()).toEqual(
    [name, "log4j-console.properties", "logback-console.xml"].toSorted(),
  );
  if (name === "config.yaml") expect(parse(files[name] ?? "")).toMatchObject({ rest: { port: "18081" } });
  else expect(files[name]).toContain("rest.port: 18081\n");
});

test("the memory of all processes together", () => {
  const cluster = localCluster(inputs(), PORTS, "/t");
  expect(clusterMemory(cluster, 2)).toBe((1024 + 2 * 1500) * 1024 ** 2);
  const hopeless = localCluster(
    inputs({ spec: { taskManager: { resource: { memory: "100m" } } } }),
    PORTS,
    "/t",
  );
  expect(clusterMemory(hopeless, 1)).toBeUndefined();
});

test("values that are in Secrets in a cluster come from the shell", () => {
  const flinkConfiguration = {
    "sluice.secret.s3.secret-key": "team/key",
    "sluice.secret.s3.access-key": "team/id",
  };
  const { config } = localCluster(inputs({ spec: { flinkConfiguration } }), PORTS, "/t", {
    SLUICE_SECRET_S3_SECRET_KEY: "value",
  });
  expect(config["s3.secret-key"]).toBe("value");
  expect(config["s3.access-key"]).toBeUndefined();
  expect(Object.keys(config).filter((key) => key.startsWith("sluice."))).toEqual([]);
});
