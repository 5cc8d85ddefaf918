import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../api/kube-object.ts";
import { flink, job } from "../../../testbed/gen/flink-answers.ts";
import { flinkDeployment, NOW, standalone } from "../../../testbed/gen/flink-deployment.ts";
import {
  available,
  cluster,
  DEPLOYMENT_UID,
  haConfigMap,
  inPhase,
  jobManagerDeployment,
  named,
  nothing,
  type ObjectChange,
  ownedByAnother,
  ownedByResource,
  ownedObjects,
  pod,
  scaledToZero,
  TASK_MANAGERS_UID,
  taskManagerDeployment,
  terminating,
} from "../../../testbed/gen/kube-objects.ts";
import { observed, options, type Scene } from "../../../testbed/gen/observed.ts";
import { stopped } from "../../../testbed/gen/recorded-status.ts";
import { beginPass, type Pass } from "../pass.ts";
import { deleteHaMetadata, tearDown } from "./tear-down.ts";

const RESOURCE = flinkDeployment(stopped());
const jobManager = pod("jobmanager");
const taskManager = pod("taskmanager");

function passOver(scene: Scene, resource = RESOURCE): Pass {
  return beginPass(observed(resource, scene), NOW, options());
}

function withPods(deployment: KubeObject | undefined, ...pods: KubeObject[]): Scene {
  return { cluster: nothing({ deployment, pods }) };
}

function own(...changes: ObjectChange[]): KubeObject {
  return jobManagerDeployment(RESOURCE, ...changes);
}

const SCALE = { type: "scale-job-manager-to-zero", uid: DEPLOYMENT_UID };
const DELETE = { type: "delete-job-manager", uid: DEPLOYMENT_UID };
const MINUTE = 60_000;

describe("the next step of taking a cluster down", () => {
  it.each<[string, Scene, { done: boolean; actions: object[]; waits?: string }]>([
    ["nothing is left: done", withPods(undefined), { done: true, actions: [] }],
    [
      "a cluster with a job: the JobManager goes first",
      { cluster: cluster(RESOURCE, [available()], { pods: [jobManager, taskManager] }) },
      { done: false, actions: [SCALE], waits: "stopping the JobManager" },
    ],
    [
      "a job that Flink says runs, whatever is recorded: the same",
      { cluster: cluster(RESOURCE), flink: flink([job("RUNNING")]) },
      { done: false, actions: [SCALE], waits: "stopping the JobManager" },
    ],
    [
      "a job that Flink says has ended: the whole cluster goes at once",
      { cluster: cluster(RESOURCE), flink: flink([job("FINISHED")]) },
      { done: false, actions: [DELETE], waits: "deleting the cluster" },
    ],
    [
      "an ended job of another id says nothing about this one",
      { cluster: cluster(RESOURCE), flink: flink([job("FINISHED", { jobId: "other" })]) },
      { done: false, actions: [SCALE], waits: "stopping the JobManager" },
    ],
    [
      "scaled to zero, and the JobManager's pod still runs: wait",
      withPods(own(scaledToZero()), jobManager, taskManager),
      { done: false, actions: [], waits: "waiting for pods to end: job-jobmanager-1" },
    ],
    [
      "scaled to zero, and the JobManager's pod is ending: wait",
      withPods(own(scaledToZero()), pod("jobmanager", terminating())),
      { done: false, actions: [], waits: "waiting for pods to end: job-jobmanager-1" },
    ],
    [
      "scaled to zero, and the JobManager is gone: the Deployment goes, with its TaskManagers",
      withPods(own(scaledToZero()), taskManager),
      { done: false, actions: [DELETE], waits: "deleting the cluster" },
    ],
    [
      "a JobManager pod that was evicted will never go by itself, and does not count",
      withPods(own(scaledToZero()), pod("jobmanager", inPhase("Failed")), taskManager),
      { done: false, actions: [DELETE], waits: "deleting the cluster" },
    ],
    [
      "a JobManager pod on a lost node: the Deployment is deleted, and its pods are waited for",
      withPods(own(scaledToZero()), pod("jobmanager", terminating(NOW - 2 * MINUTE))),
      { done: false, actions: [DELETE], waits: "deleting the cluster" },
    ],
    [
      "the Deployment is being deleted, pods are left: wait for them",
      withPods(own(terminating()), taskManager),
      { done: false, actions: [], waits: "waiting for pods to end: job-taskmanager-1" },
    ],
    [
      "the Deployment is being deleted, no pod is left: wait for it",
      withPods(own(terminating())),
      { done: false, actions: [], waits: "waiting for the JobManager Deployment to go" },
    ],
    [
      "the Deployment is gone and pods are left: wait for them, two clusters would write beside each other",
      withPods(undefined, jobManager, taskManager),
      { done: false, actions: [], waits: "waiting for pods to end: job-jobmanager-1, job-taskmanager-1" },
    ],
    [
      "pods that ended write nothing: done",
      withPods(undefined, pod("jobmanager", inPhase("Failed")), pod("taskmanager", inPhase("Succeeded"))),
      { done: true, actions: [] },
    ],
    [
      "a pod with the label app and of no Flink component is somebody else's: done",
      withPods(undefined, { ...jobManager, metadata: { ...jobManager.metadata, labels: { app: "job" } } }),
      { done: true, actions: [] },
    ],
    [
      "a Deployment of somebody else, with pods of its own, is left alone: nothing is ours",
      withPods(own(available(), ownedByAnother()), jobManager, taskManager),
      { done: true, actions: [] },
    ],
  ])("%s", (_, scene, expected) => {
    const pass = passOver(scene);
    expect(tearDown(pass)).toBe(expected.done);
    expect(pass.actions).toEqual(expected.actions);
    expect(pass.progress?.message).toBe(expected.waits);
    expect(pass.stalled).toBeUndefined();
  });

  it("says what to do about pods that do not end, and never forces them", () => {
    const pass = passOver(
      withPods(
        own(terminating()),
        pod("jobmanager", terminating(NOW - MINUTE - 1)),
        pod("taskmanager", named("young"), terminating(NOW - MINUTE)),
      ),
    );
    expect(tearDown(pass)).toBe(false);
    expect(pass.actions).toEqual([]);
    expect(pass.stalled).toMatchObject({
      reason: "PodsStuckTerminating",
      message: expect.stringContaining("kubectl delete pod --force job-jobmanager-1"),
    });
    expect(pass.stalled?.message).not.toContain("young");
  });

  it.each([
    [5 * MINUTE, undefined],
    [5 * MINUTE + 1, "DeploymentStuckTerminating"],
  ])("says after a while what holds a Deployment that does not go: %s ms", (age, reason) => {
    const held = own(terminating(NOW - age), ({ metadata }) => void (metadata.finalizers = ["backup/hold"]));
    const pass = passOver(withPods(held));
    expect(tearDown(pass)).toBe(false);
    expect(pass.actions).toEqual([]);
    expect(pass.stalled?.reason).toBe(reason);
    expect(pass.stalled?.message ?? "backup/hold").toContain("backup/hold");
  });
});

describe("the next step of taking a standalone cluster down", () => {
  const resource = flinkDeployment(standalone(), stopped());
  const workers = (...changes: ObjectChange[]): KubeObject => taskManagerDeployment(resource, ...changes);
  const own = (...changes: ObjectChange[]): KubeObject => jobManagerDeployment(resource, ...changes);
  const asApache = ownedByResource(resource);
  const left = { kind: "Deployment", name: "job-taskmanager", uid: TASK_MANAGERS_UID };
  const scene = (
    deployment: KubeObject | undefined,
    taskManagers: KubeObject | undefined,
    ...pods: KubeObject[]
  ): Scene => ({ cluster: nothing({ deployment, taskManagers, pods }) });

  it.each<[string, Scene, { done: boolean; actions: object[]; waits?: string }]>([
    [
      "the JobManager goes first, and the TaskManagers stay until it is gone",
      scene(own(available()), workers(), jobManager, taskManager),
      { done: false, actions: [SCALE], waits: "stopping the JobManager" },
    ],
    [
      "the same for a cluster of the Apache operator's, whose TaskManagers belong to the resource",
      scene(own(available()), workers(asApache), jobManager, taskManager),
      { done: false, actions: [SCALE], waits: "stopping the JobManager" },
    ],
    [
      "the JobManager is gone: its Deployment goes, and takes the TaskManagers along",
      scene(own(scaledToZero()), workers(), taskManager),
      { done: false, actions: [DELETE], waits: "deleting the cluster" },
    ],
    [
      "they are going with it: wait",
      scene(own(terminating()), workers(terminating()), taskManager),
      { done: false, actions: [], waits: "waiting for pods to end: job-taskmanager-1" },
    ],
    [
      "somebody deleted the JobManager's Deployment, and its pod runs on: it goes first here as well",
      scene(undefined, workers(), jobManager, taskManager),
      { done: false, actions: [], waits: "waiting for pods to end: job-jobmanager-1, job-taskmanager-1" },
    ],
    [
      "no JobManager is left: its TaskManagers go",
      scene(undefined, workers(), taskManager),
      {
        done: false,
        actions: [{ type: "delete-leftovers", objects: [left] }],
        waits: "deleting what is left of the cluster",
      },
    ],
    [
      "TaskManagers without a pod go as well: they would have some any moment",
      scene(undefined, workers()),
      {
        done: false,
        actions: [{ type: "delete-leftovers", objects: [left] }],
        waits: "deleting what is left of the cluster",
      },
    ],
    [
      "they are going: wait",
      scene(undefined, workers(terminating()), taskManager),
      { done: false, actions: [], waits: "deleting what is left of the cluster" },
    ],
    [
      "a Deployment by their name that is somebody else's is left alone",
      scene(undefined, workers(ownedByAnother())),
      { done: true, actions: [] },
    ],
    [
      "what belongs to somebody else's JobManager is left alone",
      scene(own(ownedByAnother()), workers(), jobManager, taskManager),
      { done: true, actions: [] },
    ],
  ])("%s", (_, given, expected) => {
    const pass = passOver(given, resource);
    expect(tearDown(pass)).toBe(expected.done);
    expect(pass.actions).toEqual(expected.actions);
    expect(pass.progress?.message).toBe(expected.waits);
  });

  it("does not wait for a JobManager on a lost node to take the TaskManagers down, but says so", () => {
    const lost = pod("jobmanager", terminating(NOW - 2 * MINUTE));
    const pass = passOver(scene(undefined, workers(), lost), resource);
    expect(tearDown(pass)).toBe(false);
    expect(pass.actions).toEqual([{ type: "delete-leftovers", objects: [left] }]);
    const next = passOver(scene(undefined, undefined, lost), resource);
    expect(tearDown(next)).toBe(false);
    expect(next.stalled?.reason).toBe("PodsStuckTerminating");
  });

  it("removes Services and configuration of the Apache operator's cluster: the next one must not read them", () => {
    const objects = ownedObjects(resource).map((object) => structuredClone(object));
    for (const object of objects) asApache(object);
    const ofOthers = { ...haConfigMap(), metadata: { ...haConfigMap().metadata, name: "settings" } };
    asApache(ofOthers);
    const pass = passOver(
      {
        cluster: nothing({
          taskManagers: workers(asApache),
          services: objects.filter(({ kind }) => kind === "Service"),
          configMaps: [...objects.filter(({ kind }) => kind === "ConfigMap"), haConfigMap(), ofOthers],
        }),
      },
      resource,
    );
    expect(tearDown(pass)).toBe(false);
    const [action] = pass.actions;
    const deleted = action?.type === "delete-leftovers" ? action.objects : [];
    expect(deleted.map(({ kind, name }) => `${kind}/${name}`)).toEqual([
      "Deployment/job-taskmanager",
      "Service/job-rest",
      "Service/job",
      "ConfigMap/flink-config-job",
    ]);
  });
});

describe("HA metadata", () => {
  it("is deleted by name, leaving every other ConfigMap", () => {
    const map = haConfigMap({ checkpoint: true });
    const leader = { ...map, metadata: { ...map.metadata, name: "job-cluster-config-map" } };
    const { configMaps } = cluster(RESOURCE);
    const pass = passOver({ cluster: nothing({ configMaps: [...configMaps, map, leader] }) });
    expect(deleteHaMetadata(pass, "why")).toBe(false);
    expect(pass.actions).toEqual([
      {
        type: "delete-config-maps",
        names: [map.metadata.name, "job-cluster-config-map"],
        why: "why",
      },
    ]);
    expect(pass.requeueAfter).toBe(0);
  });

  it("that is not there needs nothing", () => {
    const pass = passOver({ cluster: cluster(RESOURCE) });
    expect(deleteHaMetadata(pass, "why")).toBe(true);
    expect(pass.actions).toEqual([]);
  });

  it.each<[string, Record<string, string>]>([
    ["the user's own with the usual label", { app: "job" }],
    ["the autoscaler's", { app: "job", type: "flink-native-kubernetes", component: "autoscaler" }],
  ])("is not %s, even if its name looks like it", (_, labels) => {
    const map = { ...haConfigMap(), metadata: { name: "job-settings-config-map", labels } };
    const pass = passOver({ cluster: nothing({ configMaps: [map] }) });
    expect(deleteHaMetadata(pass, "why")).toBe(true);
  });
});
