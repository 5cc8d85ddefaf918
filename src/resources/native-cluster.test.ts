/** What the differential test cannot say; field by field it compares with Flink's own client. */
import { describe, expect, it } from "vitest";
import { withSpecDefaults } from "../api/defaults.ts";
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { DEFAULT_LOG_FILES } from "./log-files.ts";
import { ownedObjectNames } from "./names.ts";
import { type ClusterInputs, ownedBy, renderNativeCluster } from "./native-cluster.ts";

function inputs(spec: FlinkDeploymentSpec = {}, extra: Partial<ClusterInputs> = {}): ClusterInputs {
  return {
    owner: { name: "job", namespace: "team", uid: "uid-1" },
    spec: {
      flinkVersion: "v2_3",
      job: { jarURI: "local:///opt/job.jar", parallelism: 1 },
      jobManager: { resource: { memory: "1g" } },
      taskManager: { resource: { memory: "1g" } },
      ...spec,
    },
    generation: 3,
    restore: { kind: "none" },
    attemptId: "attempt-1",
    defaults: {},
    ...extra,
  };
}

function data(objects: readonly KubeObject[], name: string): Record<string, string> {
  return (objects.find(({ metadata }) => metadata.name === name)?.["data"] ?? {}) as Record<string, string>;
}

function logs(spec: FlinkDeploymentSpec, extra: Partial<ClusterInputs> = {}): object {
  const { "config.yaml": _, ...files } = data(
    renderNativeCluster(inputs(spec, extra)).owned,
    "flink-config-job",
  );
  return files;
}

const HA = { "high-availability.type": "kubernetes", "high-availability.storageDir": "s3://ha" };

describe("a native cluster", () => {
  it.each<[name: string, spec: FlinkDeploymentSpec, names: string[]]>([
    ["plain", {}, ["Service/job-rest", "Service/job", "ConfigMap/flink-config-job"]],
    ["with HA", { flinkConfiguration: HA }, ["Service/job-rest", "ConfigMap/flink-config-job"]],
    [
      "with ZooKeeper",
      { flinkConfiguration: { "high-availability": { type: "zookeeper" } } },
      ["Service/job-rest", "ConfigMap/flink-config-job"],
    ],
    [
      "with a template",
      { podTemplate: { spec: {} } },
      ["Service/job-rest", "Service/job", "ConfigMap/flink-config-job", "ConfigMap/pod-template-job"],
    ],
    [
      "with values from Secrets",
      { flinkConfiguration: { "sluice.secret.a.password": "s/k" } },
      ["Service/job-rest", "Service/job", "ConfigMap/flink-config-job", "ConfigMap/pod-template-job"],
    ],
    [
      "with storage for the TaskManagers",
      { taskManager: { resource: { memory: "1g", ephemeralStorage: "1Gi" } } },
      ["Service/job-rest", "Service/job", "ConfigMap/flink-config-job", "ConfigMap/pod-template-job"],
    ],
  ])("%s: the objects, and their names without rendering them", (_, spec, names) => {
    const given = inputs(spec);
    const { deployment, owned } = renderNativeCluster(given);
    expect(`${deployment.kind}/${deployment.metadata.name}`).toBe("Deployment/job");
    expect(owned.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual(names);
    const known = ownedObjectNames("job", withSpecDefaults(given.spec), given.defaults);
    expect(known.map(({ kind, name }) => `${kind}/${name}`)).toEqual(names);
  });

  it("has Flink's entry point, for a job and for a session", () => {
    const application = inputs();
    const { job: _, ...session } = application.spec;
    const entrypoint = (given: ClusterInputs): string | undefined => {
      const text = data(renderNativeCluster(given).owned, "flink-config-job")["config.yaml"] ?? "";
      return /flink\.kubernetes\.entrypoint\.(\w+)/.exec(text)?.[1];
    };
    expect(entrypoint(application)).toBe("KubernetesApplicationClusterEntrypoint");
    expect(entrypoint({ ...application, spec: session })).toBe("KubernetesSessionClusterEntrypoint");
  });

  it("has the labels by which its JobManager is found", () => {
    const { deployment } = renderNativeCluster(inputs());
    const labels = { app: "job", component: "jobmanager", type: "flink-native-kubernetes" };
    expect(deployment.metadata.labels).toMatchObject(labels);
    expect(deployment["spec"]).toMatchObject({
      selector: { matchLabels: labels },
      template: { metadata: { labels } },
    });
  });

  it("has Hadoop's configuration from the ConfigMap that the job file names", () => {
    const flinkConfiguration = { "kubernetes.hadoop.conf.config-map.name": "hdfs-site" };
    const { deployment } = renderNativeCluster(inputs({ flinkConfiguration }));
    expect(deployment["spec"]).toMatchObject({
      template: {
        spec: {
          volumes: expect.arrayContaining([
            { name: "hadoop-config-volume", configMap: { name: "hdfs-site" } },
          ]),
        },
      },
    });
  });

  it.each([
    ["ClusterIP", { type: "ClusterIP" }],
    ["NodePort", { type: "NodePort" }],
    ["LoadBalancer", { type: "LoadBalancer" }],
    ["Headless_ClusterIP", { type: "ClusterIP", clusterIP: "None" }],
  ])("its REST Service is exposed as %s", (exposed, expected) => {
    const flinkConfiguration = { "kubernetes.rest-service.exposed.type": exposed };
    const { owned } = renderNativeCluster(inputs({ flinkConfiguration }));
    expect(owned.find(({ metadata }) => metadata.name === "job-rest")?.["spec"]).toMatchObject(expected);
  });

  it("is the same for the same inputs, which stay as they are", () => {
    const given = inputs({ podTemplate: { spec: { containers: [{ name: "flink-main-container" }] } } });
    const before = structuredClone(given);
    expect(renderNativeCluster(given)).toEqual(renderNativeCluster(given));
    expect(given).toEqual(before);
  });

  it("belongs to its Deployment, and the Deployment to the FlinkDeployment", () => {
    const { deployment, owned } = renderNativeCluster(inputs());
    expect(deployment.metadata.ownerReferences).toMatchObject([{ uid: "uid-1", controller: false }]);
    const created = { ...deployment, metadata: { ...deployment.metadata, uid: "uid-2" } };
    expect(owned.map((object) => ownedBy(object, created).metadata.ownerReferences)).toEqual(
      owned.map(() => [
        {
          apiVersion: "apps/v1",
          kind: "Deployment",
          name: "job",
          uid: "uid-2",
          controller: true,
          blockOwnerDeletion: true,
        },
      ]),
    );
    expect(owned[0]?.metadata.ownerReferences).toBeUndefined();
  });

  it("logs as the job file says, else as the operator says, else to console and file", () => {
    const operator = { "log4j-console.properties": "operator", "other.txt": "x" };
    expect(logs({})).toEqual(DEFAULT_LOG_FILES);
    expect(logs({}, { logConfiguration: operator })).toEqual({ "log4j-console.properties": "operator" });
    const own = { "logback-console.xml": "own" };
    expect(logs({ logConfiguration: own }, { logConfiguration: operator })).toEqual(own);
    expect(logs({ logConfiguration: {} }, { logConfiguration: operator })).toEqual({});
  });

  it.each<[name: string, spec: FlinkDeploymentSpec, option: string, says: string]>([
    ["no memory", { jobManager: {} }, "jobmanager.memory.process.size", "jobmanager.memory"],
    [
      "standby JobManagers without HA",
      { jobManager: { replicas: 2, resource: { memory: "1g" } } },
      "kubernetes.jobmanager.replicas",
      "need high availability",
    ],
    [
      "a range of ports",
      { flinkConfiguration: { "rest.bind-port": "8081-8090" } },
      "rest.bind-port",
      "not one fixed port",
    ],
  ])("%s is refused by the option to mend", (_, spec, option, says) => {
    expect(() => renderNativeCluster(inputs(spec))).toThrow(expect.objectContaining({ option }) as Error);
    expect(() => renderNativeCluster(inputs(spec))).toThrow(says);
  });
});
