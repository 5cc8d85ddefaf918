/** Standalone clusters, application and session. What they share with native ones is compared with Flink's client there. */
import type { Container, PodSpec } from "kubernetes-types/core/v1.d.ts";
import { describe, expect, it } from "vitest";
import { withSpecDefaults } from "../api/defaults.ts";
import type { FlinkDeploymentSpec } from "../api/flink-deployment.ts";
import type { KubeObject } from "../api/kube-object.ts";
import type { ClusterInputs } from "./cluster-inputs.ts";
import { renderCluster } from "./cluster.ts";
import { deployConfiguration } from "./configuration.ts";
import { ownedObjectNames } from "./names.ts";
import type { RenderedCluster } from "./rendered-cluster.ts";

const HA = { "high-availability.type": "kubernetes", "high-availability.storageDir": "s3://ha" };
const JAR = "local:///opt/flink/usrlib/job.jar";
const ELSEWHERE = "local:///opt/flink/examples/job.jar";

/** As users write it; a null takes a field of the example away. */
type Given = { [K in keyof FlinkDeploymentSpec]: FlinkDeploymentSpec[K] | null };

function inputs(spec: Given = {}, extra: Partial<ClusterInputs> = {}): ClusterInputs {
  return {
    owner: { name: "job", namespace: "team", uid: "uid-1" },
    spec: {
      mode: "standalone",
      flinkVersion: "v2_3",
      job: { jarURI: JAR, parallelism: 1 },
      jobManager: { resource: { memory: "1g" } },
      taskManager: { resource: { memory: "2g" } },
      ...spec,
    } as FlinkDeploymentSpec,
    generation: 3,
    restore: { kind: "none" },
    attemptId: "attempt-1",
    defaults: {},
    ...extra,
  };
}

function taskManagers({ owned }: RenderedCluster): KubeObject {
  const found = owned.find(({ kind }) => kind === "Deployment");
  if (found === undefined) throw new Error("no TaskManager Deployment");
  return found;
}

function podOf(deployment: KubeObject): PodSpec {
  return (deployment["spec"] as { template: { spec: PodSpec } }).template.spec;
}

function main(deployment: KubeObject): Container {
  const found = podOf(deployment).containers.find(({ name }) => name === "flink-main-container");
  if (found === undefined) throw new Error("no main container");
  return found;
}

function jobManagerArgs(spec: Given, extra: Partial<ClusterInputs> = {}): string[] {
  return main(renderCluster(inputs(spec, extra)).deployment).args ?? [];
}

function replicas(deployment: KubeObject): unknown {
  return (deployment["spec"] as { replicas?: number }).replicas;
}

function configuration(spec: Given, extra: Partial<ClusterInputs> = {}): Record<string, string> {
  return deployConfiguration(inputs(spec, extra));
}

describe("a standalone cluster", () => {
  it.each<[string, Given]>([
    ["plain", {}],
    ["with HA, whose JobManager has its own address all the same", { flinkConfiguration: HA }],
    [
      "with templates, which go into the Deployments",
      { podTemplate: { spec: { priorityClassName: "low" } } },
    ],
    ["without a job", { job: null }],
  ])("%s: the same objects, by name and rendered", (_, spec) => {
    const given = inputs(spec);
    const { deployment, owned } = renderCluster(given);
    const names = owned.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(deployment.metadata.name).toBe("job");
    expect(names).toEqual([
      "Service/job-rest",
      "Service/job",
      "ConfigMap/flink-config-job",
      "Deployment/job-taskmanager",
    ]);
    const known = ownedObjectNames("job", withSpecDefaults(given.spec), given.defaults);
    expect(known.map(({ kind, name }) => `${kind}/${name}`)).toEqual(names);
  });

  it("is the same for the same inputs, which stay as they are", () => {
    const given = inputs({ podTemplate: { spec: { containers: [{ name: "flink-main-container" }] } } });
    const before = structuredClone(given);
    expect(renderCluster(given)).toEqual(renderCluster(given));
    expect(given).toEqual(before);
  });

  it("has the labels of the mode on every object, and each Deployment selects its own pods", () => {
    const { deployment, owned } = renderCluster(inputs());
    const common = { app: "job", type: "flink-standalone-kubernetes" };
    for (const { metadata } of [deployment, ...owned]) expect(metadata.labels).toMatchObject(common);
    const components = [deployment, taskManagers({ deployment, owned })].map((one) => {
      const { selector, template } = one["spec"] as {
        selector: { matchLabels: Record<string, string> };
        template: { metadata: { labels: Record<string, string> } };
      };
      expect(template.metadata.labels).toEqual(selector.matchLabels);
      return selector.matchLabels["component"];
    });
    expect(components).toEqual(["jobmanager", "taskmanager"]);
    const services = owned.filter(({ kind }) => kind === "Service").map(({ spec }) => spec);
    const selected = expect.objectContaining({ selector: { ...common, component: "jobmanager" } }) as object;
    expect(services).toEqual([selected, selected]);
  });

  it("gives each process its own template, over the common one, with its own memory, CPU and settings", () => {
    const cluster = renderCluster(
      inputs({
        podTemplate: { spec: { priorityClassName: "low" } },
        jobManager: { resource: { memory: "1g" }, podTemplate: { spec: { hostname: "jm" } } },
        taskManager: {
          resource: { memory: "2g", cpu: 0.5, ephemeralStorage: "1Gi" },
          podTemplate: {
            metadata: { labels: { tier: "gold" } },
            spec: { containers: [{ name: "sidecar", image: "log" }] },
          },
        },
        flinkConfiguration: {
          "kubernetes.taskmanager.labels": "a:b",
          "kubernetes.taskmanager.annotations": "c:d",
          "kubernetes.taskmanager.node-selector": "zone:a",
          "kubernetes.taskmanager.cpu.limit-factor": "2",
          "kubernetes.taskmanager.tolerations": "key:gpu,operator:Exists",
          "containerized.taskmanager.env.X": "y",
          "containerized.master.env.X": "z",
        },
      }),
    );
    const worker = taskManagers(cluster);
    const { template } = worker["spec"] as { template: { metadata: object; spec: PodSpec } };
    expect(podOf(cluster.deployment)).toMatchObject({ priorityClassName: "low", hostname: "jm" });
    expect(template).toMatchObject({
      metadata: { labels: { tier: "gold", a: "b", component: "taskmanager" }, annotations: { c: "d" } },
      spec: {
        priorityClassName: "low",
        nodeSelector: { zone: "a" },
        tolerations: [{ key: "gpu", operator: "Exists" }],
        containers: [{ name: "sidecar" }, { name: "flink-main-container" }],
      },
    });
    expect(main(worker)).toMatchObject({
      command: ["/docker-entrypoint.sh"],
      args: ["taskmanager"],
      resources: {
        requests: { memory: "2048Mi", cpu: "0.5", "ephemeral-storage": "1Gi" },
        limits: { memory: "2048Mi", cpu: "1", "ephemeral-storage": "1Gi" },
      },
      ports: [{ name: "taskmanager-rpc", containerPort: 6122 }],
      env: [{ name: "X", value: "y" }],
    });
    expect(main(cluster.deployment).env).toContainEqual({ name: "X", value: "z" });
    expect(main(worker).volumeMounts).toContainEqual({
      name: "flink-config-volume",
      mountPath: "/opt/flink/conf",
    });
  });

  it("gives a TaskManager a CPU for each slot where nobody says how many", () => {
    const { resources } = main(
      taskManagers(renderCluster(inputs({ flinkConfiguration: { taskmanager: { numberOfTaskSlots: 4 } } }))),
    );
    expect(resources?.requests).toMatchObject({ cpu: "4" });
  });

  it.each<[string, Given, number, parallelism: string | undefined]>([
    ["one for each slot that the job needs", { job: { jarURI: JAR, parallelism: 3 } }, 3, "3"],
    [
      "several slots in each, rounded up",
      { job: { jarURI: JAR, parallelism: 5 }, flinkConfiguration: { "taskmanager.numberOfTaskSlots": "2" } },
      3,
      "5",
    ],
    [
      "replicas, which decide the parallelism as well",
      {
        taskManager: { replicas: 4, resource: { memory: "2g" } },
        flinkConfiguration: { "taskmanager.numberOfTaskSlots": "2" },
      },
      4,
      "8",
    ],
    [
      "the largest override of a vertex",
      { flinkConfiguration: { "pipeline.jobvertex-parallelism-overrides": "a:2,b:6,c:1" } },
      6,
      "6",
    ],
    ["a session's: one", { job: null }, 1, undefined],
    [
      "a session's replicas",
      { job: null, taskManager: { replicas: 2, resource: { memory: "2g" } } },
      2,
      undefined,
    ],
  ])("has as many TaskManagers as are asked for: %s", (_, spec, count, parallelism) => {
    expect(replicas(taskManagers(renderCluster(inputs(spec))))).toBe(count);
    expect(configuration(spec)["parallelism.default"]).toBe(parallelism);
  });

  it.each<[string, Given, Partial<ClusterInputs>, string[]]>([
    ["a job", {}, {}, ["standalone-job"]],
    ["a session", { job: null }, {}, ["jobmanager"]],
    [
      "HA: each JobManager by its own address",
      { flinkConfiguration: HA },
      {},
      ["standalone-job", "-D", "jobmanager.rpc.address=$(_POD_IP_ADDRESS)"],
    ],
    [
      "a session with HA",
      { job: null, flinkConfiguration: HA },
      {},
      ["jobmanager", "-D", "jobmanager.rpc.address=$(_POD_IP_ADDRESS)"],
    ],
    [
      "all that a job can have, its own arguments last and apart",
      {
        flinkConfiguration: HA,
        job: {
          jarURI: JAR,
          parallelism: 1,
          entryClass: "a.B",
          allowNonRestoredState: true,
          args: ["--from", "3", "a b"],
        },
      },
      { restore: { kind: "savepoint", path: "s3://sp" } },
      [
        "standalone-job",
        "--job-classname",
        "a.B",
        "--allowNonRestoredState",
        "--fromSavepoint",
        "s3://sp",
        "-D",
        "jobmanager.rpc.address=$(_POD_IP_ADDRESS)",
        "--",
        "--from",
        "3",
        "a b",
      ],
    ],
    [
      "the last state: the marker fails a start whose metadata vanished",
      {},
      { restore: { kind: "last-state", marker: true } },
      ["standalone-job", "--fromSavepoint", "KUBERNETES_OPERATOR_LAST_STATE"],
    ],
    [
      "the last state before any checkpoint, whatever path the user's configuration has",
      { flinkConfiguration: { "execution.state-recovery.path": "s3://old" } },
      { restore: { kind: "last-state", marker: false } },
      ["standalone-job"],
    ],
    [
      "unclaimed state that the configuration allows",
      { flinkConfiguration: { "execution.state-recovery.ignore-unclaimed-state": true } },
      { restore: { kind: "savepoint", path: "s3://sp" } },
      ["standalone-job", "--allowNonRestoredState", "--fromSavepoint", "s3://sp"],
    ],
  ])("starts its JobManager for %s", (_, spec, extra, args) => {
    expect(jobManagerArgs(spec, extra)).toEqual(args);
  });

  it("is given the job's id, its restore path and what it is, and nothing of a native cluster", () => {
    const config = configuration(
      { flinkConfiguration: HA },
      { jobId: "f".repeat(32), restore: { kind: "savepoint", path: "s3://sp" } },
    );
    expect(config).toMatchObject({
      "$internal.pipeline.job-id": "f".repeat(32),
      "execution.savepoint.path": "s3://sp",
      "execution.target": "remote",
      "high-availability.cluster-id": "job",
      "kubernetes.cluster-id": "job",
      "kubernetes.internal.cluster-mode": "APPLICATION",
    });
    expect(config).not.toHaveProperty("pipeline.jars");
    const map = renderCluster(inputs()).owned.find(({ kind }) => kind === "ConfigMap")?.["data"] as Record<
      string,
      string
    >;
    expect(map["config.yaml"]).not.toContain("entrypoint");
    expect(map["config.yaml"]).toContain("address: job.team");
    expect(configuration({ job: null })).toMatchObject({
      "execution.target": "remote",
      "kubernetes.internal.cluster-mode": "SESSION",
    });
  });
});

describe("the jar of a standalone job", () => {
  const filledByInit: FlinkDeploymentSpec["podTemplate"] = {
    spec: {
      initContainers: [
        { name: "fetch", volumeMounts: [{ name: "user-lib-dir", mountPath: "/opt/flink/usrlib" }] },
      ],
    },
  };
  const folder = { name: "user-lib-dir", mountPath: "/opt/flink/usrlib" };
  const ownVolume: FlinkDeploymentSpec["podTemplate"] = {
    spec: {
      containers: [
        {
          name: "flink-main-container",
          volumeMounts: [{ name: "mine", mountPath: "/opt/flink/usrlib/" }],
        },
      ],
      volumes: [{ name: "mine", emptyDir: {} }],
    },
  };

  it.each<
    [
      string,
      { jarURI?: string; podTemplate?: FlinkDeploymentSpec["podTemplate"]; classpaths?: string },
      { entry: string | undefined; mounted: boolean },
    ]
  >([
    [
      "in the image's own folder is found there, and not hidden",
      { jarURI: JAR },
      { entry: undefined, mounted: false },
    ],
    [
      "elsewhere in the image is named, beside an empty folder",
      { jarURI: ELSEWHERE },
      { entry: '["file:///opt/flink/examples/job.jar"]', mounted: true },
    ],
    [
      "on a server is named as it is",
      { jarURI: "https://example.org/job.jar" },
      { entry: '["https://example.org/job.jar"]', mounted: true },
    ],
    [
      "brought by an init container has the folder that this fills",
      { jarURI: JAR, podTemplate: filledByInit },
      { entry: undefined, mounted: true },
    ],
    [
      "in a volume of the user's leaves that in its place",
      { jarURI: ELSEWHERE, podTemplate: ownVolume },
      { entry: '["file:///opt/flink/examples/job.jar"]', mounted: false },
    ],
    ["not named is looked for in the image's folder", {}, { entry: undefined, mounted: false }],
    [
      "named by the configuration alone is elsewhere",
      { classpaths: "file:///a.jar" },
      { entry: "file:///a.jar", mounted: true },
    ],
  ])("%s", (_, { jarURI, podTemplate, classpaths }, expected) => {
    const spec = {
      job: { parallelism: 1, ...(jarURI === undefined ? {} : { jarURI }) },
      ...(podTemplate === undefined ? {} : { jobManager: { podTemplate, resource: { memory: "1g" } } }),
      ...(classpaths === undefined ? {} : { flinkConfiguration: { "pipeline.classpaths": classpaths } }),
    };
    expect(configuration(spec)["pipeline.classpaths"]).toBe(expected.entry);
    const { deployment } = renderCluster(inputs(spec));
    const { volumeMounts = [] } = main(deployment);
    const volumes = podOf(deployment).volumes ?? [];
    const found = volumeMounts.filter(({ name }) => name === "user-lib-dir");
    expect(found).toEqual(expected.mounted ? [folder] : []);
    expect(volumes.filter(({ name }) => name === "user-lib-dir")).toHaveLength(expected.mounted ? 1 : 0);
  });

  it("does not define the folder's volume a second time", () => {
    const podTemplate = structuredClone(filledByInit) ?? {};
    podTemplate.spec = { ...podTemplate.spec, volumes: [{ name: "user-lib-dir", emptyDir: {} }] };
    const { deployment } = renderCluster(inputs({ podTemplate }));
    expect(podOf(deployment).volumes?.filter(({ name }) => name === "user-lib-dir")).toHaveLength(1);
    expect(main(deployment).volumeMounts).toContainEqual(folder);
  });
});
