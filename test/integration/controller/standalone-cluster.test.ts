/** Actions on standalone clusters against a real API server, which has to accept every object. */
import { describe, expect, test } from "vitest";
import type { FlinkDeployment, FlinkDeploymentSpec } from "../../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { execute } from "../../../src/controller/execute.ts";
import { gatherLive } from "../../../src/controller/gather.ts";
import type { FlinkRestClient } from "../../../src/flink-rest/client.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import {
  DEPLOYMENTS,
  FLINK_DEPLOYMENTS,
  type ResourceType,
  SERVICES,
} from "../../../src/kube/resource-type.ts";
import type { Action, ActionFailure, ObservedCluster } from "../../../src/reconcile/decision.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { clientFor } from "../kube/support.ts";

const HA = { "high-availability.type": "kubernetes", "high-availability.storageDir": "s3://ha" };

/** How long the garbage collector may take. */
const COLLECTED = { deadline: 40_000 };

interface Scene {
  readonly client: KubeClient;
  readonly resource: FlinkDeployment;
  readonly create: (existing?: KubeObject) => Promise<ActionFailure | undefined>;
  readonly act: (action: Action) => Promise<ActionFailure | undefined>;
  readonly look: () => Promise<ObservedCluster>;
}

/** `undefined` takes a field away. */
type Fields = { readonly [Name in keyof FlinkDeploymentSpec]?: FlinkDeploymentSpec[Name] | undefined };

async function scene(spec: Fields = {}): Promise<Scene> {
  const api = apiTestbed();
  const client = clientFor(api);
  const namespace = await api.freshNamespace("standalone");
  const wanted = {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata: { name: "job", namespace },
    spec: {
      mode: "standalone",
      image: "flink:2.3",
      flinkVersion: "v2_3",
      serviceAccount: "flink",
      flinkConfiguration: HA,
      jobManager: { resource: { memory: "1g" } },
      taskManager: { resource: { memory: "1g", cpu: 0.5 } },
      job: { jarURI: "local:///opt/flink/examples/job.jar", parallelism: 2, args: ["--from", "3"] },
      ...spec,
    },
  } as FlinkDeployment;
  const resource = await client.create<FlinkDeployment>(FLINK_DEPLOYMENTS, wanted);
  // None of these actions asks Flink.
  const flink = {} as FlinkRestClient;
  const act = (action: Action): Promise<ActionFailure | undefined> =>
    execute(action, { client, flink, resource, submit: () => expect.unreachable("nothing is submitted") });
  const create = (existing?: KubeObject): Promise<ActionFailure | undefined> =>
    act({
      type: "create-cluster",
      existing,
      inputs: {
        owner: { name: "job", namespace, uid: resource.metadata.uid ?? "" },
        spec: resource.spec,
        generation: 1,
        jobId: "f".repeat(32),
        restore: { kind: "savepoint", path: "s3://sp" },
        attemptId: "attempt",
        defaults: {},
      },
    });
  const look = async (): Promise<ObservedCluster> => {
    const found = await gatherLive(client, { snapshots: undefined, ingresses: undefined }, namespace, "job");
    if (found === undefined) throw new Error("the resource is gone");
    return found.cluster;
  };
  return { client, resource, act, create, look };
}

function uids({ deployment, taskManagers, services, configMaps }: ObservedCluster): (string | undefined)[] {
  return [deployment, taskManagers, ...services, ...configMaps].map((object) => object?.metadata.uid);
}

function replicasOf(object: KubeObject | undefined): unknown {
  return (object?.["spec"] as { replicas?: number } | undefined)?.replicas;
}

const TEMPLATE: FlinkDeploymentSpec["podTemplate"] = {
  spec: {
    initContainers: [
      { name: "fetch", image: "fetch", volumeMounts: [{ name: "user-lib-dir", mountPath: "/jars" }] },
    ],
    volumes: [{ name: "user-lib-dir", emptyDir: {} }],
  },
};

describe("a standalone cluster", () => {
  test("goes as a whole with its JobManager's Deployment, which is the last to be seen", async () => {
    const { act, create, look } = await scene();
    await create();
    const { deployment } = await look();
    expect(await act({ type: "delete-job-manager", uid: deployment?.metadata.uid ?? "" })).toBeUndefined();
    const gone = await waitFor(
      "the cluster to go",
      async () => {
        const found = await look();
        return found.deployment === undefined && found;
      },
      COLLECTED,
    );
    expect(uids(gone)).toEqual([undefined, undefined]);
  });

  test.each<[string, Fields]>([
    ["of a job", {}],
    ["of a session", { job: undefined, taskManager: { replicas: 2, resource: { memory: "1g" } } }],
    ["without HA", { flinkConfiguration: { "scheduler-mode": "reactive" } }],
    ["with a template that fills the folder for jars", { podTemplate: TEMPLATE }],
  ])("%s is made once, however often it is asked for", async (_, spec) => {
    const { create, look } = await scene(spec);
    expect(await create()).toBeUndefined();
    const first = await look();
    expect(uids(first)).toHaveLength(5);
    expect(first.taskManagers).toMatchObject({
      metadata: {
        name: "job-taskmanager",
        ownerReferences: [{ kind: "Deployment", uid: first.deployment?.metadata.uid, controller: true }],
      },
      spec: { replicas: 2 },
    });
    expect(await create(first.deployment)).toBeUndefined();
    expect(await create()).toBeUndefined();
    expect(uids(await look())).toEqual(uids(first));
  });

  test("gets its TaskManagers back when they are lost, and nothing else is made again", async () => {
    const { client, create, look, resource } = await scene();
    await create();
    const before = await look();
    await client.delete(DEPLOYMENTS, resource.metadata.namespace, "job-taskmanager");
    expect((await look()).taskManagers).toBeUndefined();
    expect(await create(before.deployment)).toBeUndefined();
    const after = await look();
    expect(after.taskManagers?.metadata.uid).not.toBe(before.taskManagers?.metadata.uid);
    expect(uids({ ...after, taskManagers: undefined })).toEqual(uids({ ...before, taskManagers: undefined }));
  });

  test("is scaled by its TaskManager Deployment's uid, with a note and no new pods' template", async () => {
    const { act, create, look } = await scene();
    await create();
    const { taskManagers } = await look();
    const scale = {
      type: "scale-task-managers" as const,
      replicas: 5,
      annotations: { "sluice/scale": "replicas 5" },
    };
    expect(await act({ ...scale, uid: taskManagers?.metadata.uid ?? "" })).toBeUndefined();
    const scaled = (await look()).taskManagers;
    expect(replicasOf(scaled)).toBe(5);
    expect(scaled?.metadata.annotations?.["sluice/scale"]).toBe("replicas 5");
    const template = (object: KubeObject | undefined): unknown =>
      (object?.["spec"] as { template?: unknown } | undefined)?.template;
    expect(template(scaled)).toEqual(template(taskManagers));
    const stale = await act({ ...scale, replicas: 9, uid: "00000000-0000-0000-0000-000000000000" });
    expect(stale?.action).toBe("scale-task-managers");
    expect(replicasOf((await look()).taskManagers)).toBe(5);
  });

  test("of the Apache operator's is completed as it is, and its leftovers go by uid", async () => {
    const { act, client, create, look, resource } = await scene();
    await create();
    const made = await look();
    const { apiVersion, kind, metadata } = resource;
    const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? "" };
    const [service] = made.services;
    const types: [KubeObject | undefined, ResourceType][] = [
      [made.taskManagers, DEPLOYMENTS],
      [service, SERVICES],
    ];
    for (const [object, type] of types) {
      const patch = { metadata: { ownerReferences: [owner] } };
      await client.patch(type, metadata.namespace, object?.metadata.name ?? "", patch, { kind: "merge" });
    }
    expect(await create(made.deployment)).toBeUndefined();
    expect(uids(await look())).toEqual(uids(made));
    const objects = [
      { kind: "Deployment" as const, name: "job-taskmanager", uid: made.taskManagers?.metadata.uid ?? "" },
      { kind: "Service" as const, name: service?.metadata.name ?? "", uid: service?.metadata.uid ?? "" },
    ];
    expect(await act({ type: "delete-leftovers", objects })).toBeUndefined();
    const gone = await waitFor(
      "the leftovers to go",
      async () => {
        const found = await look();
        return found.taskManagers === undefined && found;
      },
      COLLECTED,
    );
    expect(gone.services).toHaveLength(made.services.length - 1);
    expect(await act({ type: "delete-leftovers", objects })).toBeUndefined();
  });
});

test("kubectl scale reads the status and writes spec.taskManager.replicas", async () => {
  const api = apiTestbed();
  const taskManager = { replicas: 2, resource: { memory: "1g" } };
  const { client, resource } = await scene({ taskManager });
  const { namespace = "", name } = resource.metadata;
  const status = { taskManager: { labelSelector: "component=taskmanager,app=job", replicas: 2 } };
  await client.replaceStatus<FlinkDeployment>(FLINK_DEPLOYMENTS, { ...resource, status });
  const path = `/apis/flink.apache.org/v1beta1/namespaces/${namespace}/flinkdeployments/${name}/scale`;
  const scale = JSON.parse(await api.kubectl(["get", "--raw", path])) as object;
  expect(scale).toMatchObject({
    spec: { replicas: 2 },
    status: { replicas: 2, selector: "component=taskmanager,app=job" },
  });
  await api.kubectl(["-n", namespace, "scale", `flinkdep/${name}`, "--replicas=3"]);
  const scaled = await client.get<FlinkDeployment>(FLINK_DEPLOYMENTS, namespace, name);
  expect(scaled?.spec.taskManager?.replicas).toBe(3);
});
