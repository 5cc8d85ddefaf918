import { expect, test } from "vitest";
import type { FlinkDeployment, FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import { localise, mapped } from "./localise.ts";

const PLACE = { folder: "file:///state/job", mappings: [] };

function deployment(spec: FlinkDeploymentSpec): FlinkDeployment {
  return {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata: { name: "counting", namespace: "default" },
    spec: { flinkVersion: "v2_3", ...spec },
  };
}

function local(spec: FlinkDeploymentSpec, place: Parameters<typeof localise>[1] = PLACE) {
  const { resource, differences } = localise(deployment(spec), place);
  return {
    spec: resource.spec,
    config: resource.spec.flinkConfiguration as Record<string, string>,
    differences,
  };
}

test.each([
  ["local:///opt/flink/usrlib/job.jar", "file:///here/job.jar"],
  ["local:///opt/flink/usrlib", "file:///here"],
  // The end of a part, not of a word; and the longest prefix.
  ["local:///opt/flink/usrlib2/job.jar", undefined],
  ["local:///opt/flink/lib/a.jar", "file:///other/flink/lib/a.jar"],
  ["s3://bucket/output", undefined],
])("%s is at %s", (text, expected) => {
  const mappings = [
    { from: "local:///opt", to: "file:///other" },
    { from: "local:///opt/flink/usrlib/", to: "file:///here/" },
  ];
  expect(mapped(text, text.startsWith("local:///opt/flink/usrlib2") ? mappings.slice(1) : mappings)).toBe(
    expected,
  );
});

test("the cluster becomes a standalone one without high availability, and keeps what a cluster would have of the file", () => {
  const { spec, config, differences } = local({
    image: "registry/job:1",
    serviceAccount: "flink",
    flinkConfiguration: {
      "high-availability.type": "kubernetes",
      "high-availability.storageDir": "s3://bucket/ha",
      "kubernetes.taskmanager.cpu.limit-factor": "4",
      "sluice.secret.s3.secret-key": "s3/secret",
      "sluice.jar.secret": "login",
      "kubernetes.operator.savepoint.format.type": "NATIVE",
      "taskmanager.numberOfTaskSlots": "2",
    },
    jobManager: { replicas: 2, resource: { memory: "1g", cpu: 1 } },
    job: { jarURI: "local:///opt/flink/usrlib/job.jar", parallelism: 2, upgradeMode: "last-state" },
  });
  expect(spec).toMatchObject({ mode: "standalone", image: "registry/job:1", serviceAccount: "flink" });
  expect(spec.job).toMatchObject({ upgradeMode: "savepoint", parallelism: 2 });
  expect(spec.jobManager).toEqual({ resource: { memory: "1g", cpu: 1 } });
  expect(config).toEqual({
    "heartbeat.interval": "2 s",
    "sluice.secret.s3.secret-key": "s3/secret",
    "kubernetes.operator.savepoint.format.type": "NATIVE",
    "taskmanager.numberOfTaskSlots": "2",
    "state.checkpoints.dir": "file:///state/job/checkpoints",
    "state.savepoints.dir": "file:///state/job/savepoints",
  });
  expect(differences).toEqual([
    "image: not used; Flink and the jar are this machine's",
    "no high availability: a lost JobManager's job goes on from its newest checkpoint",
    "s3.secret-key: from SLUICE_SECRET_S3_SECRET_KEY of your shell instead of Secret s3",
    "not used here: kubernetes.taskmanager.cpu.limit-factor, sluice.jar.secret",
    "upgradeMode: savepoint instead of last-state, which needs high availability",
    "cpu: not limited here; memory is, as Flink sizes its processes by it",
    "jobManager.replicas: 1 instead of 2",
  ]);
});

test.each(["state.checkpoints.dir", "execution.checkpointing.dir"])(
  "%s moves to the job's folder, and that is said",
  (key) => {
    const { config, differences } = local({ flinkConfiguration: { [key]: "s3://bucket/checkpoints" } });
    expect(config["state.checkpoints.dir"]).toBe("file:///state/job/checkpoints");
    expect(config["execution.checkpointing.dir"]).toBeUndefined();
    expect(differences).toEqual([
      "state.checkpoints.dir: file:///state/job/checkpoints instead of s3://bucket/checkpoints",
    ]);
  },
);

test("a path that the user maps is where he says", () => {
  const mappings = [{ from: "s3://bucket", to: "file:///data" }];
  const { spec, config, differences } = local(
    {
      flinkConfiguration: {
        state: { savepoints: { dir: "s3://bucket/savepoints" } },
        "my.path": "s3://bucket/my",
      },
      job: {
        args: ["--output", "s3://bucket/output"],
        initialSavepointPath: "s3://bucket/savepoints/savepoint-1",
      },
    },
    { folder: "file:///state/job", mappings },
  );
  expect(config).toMatchObject({
    "state.savepoints.dir": "file:///data/savepoints",
    "my.path": "file:///data/my",
  });
  expect(spec.job).toMatchObject({
    args: ["--output", "file:///data/output"],
    initialSavepointPath: "file:///data/savepoints/savepoint-1",
  });
  expect(differences).toEqual([
    "state.savepoints.dir: file:///data/savepoints instead of s3://bucket/savepoints",
    "job.args: file:///data/output instead of s3://bucket/output",
  ]);
});

test("the user's heartbeats win; reporters share the machine's ports", () => {
  const { config, differences } = local({
    flinkConfiguration: {
      "heartbeat.interval": "9 s",
      "metrics.reporter.prom.port": "9249",
      "metrics.reporter.x.port": "1-9",
    },
  });
  expect(config).toMatchObject({
    "heartbeat.interval": "9 s",
    "metrics.reporter.prom.port": "9249-9348",
    "metrics.reporter.x.port": "1-9",
  });
  expect(differences).toEqual([
    "metrics.reporter.prom.port: 9249-9348, as the processes share this machine's ports",
  ]);
});

test("what a pod template has and this machine has not is named, and no value of it", () => {
  const { differences } = local({
    podTemplate: {
      spec: {
        containers: [
          {
            name: "flink-main-container",
            env: [
              { name: "PLAIN", value: "secret-looking" },
              { name: "TOKEN", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
            ],
          },
          { name: "sidecar" },
        ],
        initContainers: [{ name: "fetch" }],
        volumes: [{ name: "data", emptyDir: {} }],
      },
    },
    ingress: { template: "{{name}}.example.com" },
  });
  expect(differences).toEqual([
    "podTemplate: not here: container fetch, container sidecar, volume data",
    "podTemplate: set in your shell what comes from Secrets or ConfigMaps: TOKEN",
    "ingress: none; the web interface is on this machine's loopback",
  ]);
  expect(JSON.stringify(differences)).not.toContain("secret-looking");
});

test("an unchanged file stays the same: nothing restarts by itself", () => {
  const spec = { flinkConfiguration: { "state.savepoints.dir": "s3://b/s" }, job: { args: ["a"] } };
  expect(local(spec).spec).toEqual(local(spec).spec);
});

test("where values of Secrets come from is said, and stays a reference", () => {
  const { config, differences } = local({
    flinkConfiguration: { "sluice.secret.s3.secret-key": "team/key" },
  });
  expect(config["sluice.secret.s3.secret-key"]).toBe("team/key");
  expect(differences).toEqual([
    "s3.secret-key: from SLUICE_SECRET_S3_SECRET_KEY of your shell instead of Secret team",
  ]);
});
