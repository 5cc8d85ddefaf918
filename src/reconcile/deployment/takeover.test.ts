/** Resources that the Apache operator has deployed, and those that it was in the middle of changing. */
import { describe, expect, it } from "vitest";
import type { FlinkDeployment, FlinkDeploymentStatus, UpgradeMode } from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import {
  edited,
  flinkDeployment,
  type ResourceChange,
  standalone,
  withParallelism,
  withSpec,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import { available, cluster, nothing, ownedByResource, pod } from "../../../testbed/gen/kube-objects.ts";
import type { Scene } from "../../../testbed/gen/observed.ts";
import { JOB_ID, STARTED } from "../../../testbed/gen/recorded-status.ts";
import {
  bringUpSteps,
  gone,
  HA,
  recordedJob,
  type SceneOf,
  starting,
  up,
} from "../../../testbed/gen/steps.ts";
import { action, play, Trace } from "../../../testbed/gen/trace.ts";

/** A spec as the Apache operator writes it down: every field, null or not, quantities as text, templates without kind. */
function recordedByJava(
  resource: FlinkDeployment,
  state: "running" | "suspended",
  upgradeMode: UpgradeMode,
): string {
  const { job, jobManager, taskManager, ...spec } = resource.spec;
  const component = (given: object | undefined, replicas: number | null): object => ({
    resource: { cpu: 1.0, memory: "1g", ephemeralStorage: null },
    resources: null,
    replicas,
    podTemplate: null,
    ...(given && "podTemplate" in given
      ? {
          podTemplate: {
            metadata: { labels: { a: "b" } },
            spec: {
              containers: [
                { name: "flink-main-container", resources: { limits: { "nvidia.com/gpu": "1" } } },
              ],
            },
          },
        }
      : {}),
  });
  return JSON.stringify({
    spec: {
      job: {
        jarURI: job?.jarURI,
        parallelism: job?.parallelism,
        entryClass: null,
        args: [],
        state,
        savepointTriggerNonce: null,
        initialSavepointPath: null,
        checkpointTriggerNonce: null,
        upgradeMode,
        allowNonRestoredState: null,
        savepointRedeployNonce: null,
        autoscalerResetNonce: null,
      },
      restartNonce: null,
      ingress: null,
      podTemplate: null,
      logConfiguration: null,
      imagePullPolicy: null,
      mode: null,
      ...spec,
      jobManager: component(jobManager, 1),
      taskManager: component(taskManager, null),
    },
    resource_metadata: { apiVersion: "flink.apache.org/v1beta1", firstDeployment: false },
  });
}

function byApache(
  fields: Partial<FlinkDeploymentStatus>,
  state: "running" | "suspended",
  reconciliation: "DEPLOYED" | "UPGRADING",
  upgradeMode: UpgradeMode = "stateless",
): ResourceChange {
  return (resource) => {
    const record = recordedByJava(resource, state, upgradeMode);
    resource.status = {
      observedGeneration: resource.metadata.generation ?? 1,
      lifecycleState: reconciliation === "DEPLOYED" ? "STABLE" : "UPGRADING",
      clusterInfo: { "flink-version": "2.3.0", "total-cpu": "2.0" },
      reconciliationStatus: {
        reconciliationTimestamp: STARTED,
        lastReconciledSpec: record,
        lastStableSpec: record,
        state: reconciliation,
      },
      ...fields,
    };
  };
}

const RUNNING: Partial<FlinkDeploymentStatus> = {
  jobManagerDeploymentStatus: "READY",
  jobStatus: {
    jobId: JOB_ID,
    jobName: "example",
    state: "RUNNING",
    startTime: String(STARTED),
    updateTime: String(STARTED),
  },
};

/** As users write templates: a whole Pod, and numbers. */
const TEMPLATES = withSpec({
  taskManager: {
    resource: { memory: "1g", cpu: 1 },
    podTemplate: {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { labels: { a: "b" } },
      spec: {
        containers: [{ name: "flink-main-container", resources: { limits: { "nvidia.com/gpu": 1 } } }],
      },
    },
  },
});

describe("a job that the Apache operator has deployed", () => {
  it.each<[string, ResourceChange[]]>([
    ["runs on untouched", []],
    ["with pod templates runs on untouched", [TEMPLATES]],
  ])("%s", (_, changes) => {
    const trace = new Trace(flinkDeployment(...changes, byApache(RUNNING, "running", "DEPLOYED")));
    const record = trace.resource.status?.reconciliationStatus?.lastReconciledSpec;
    play(trace, [
      {
        when: "looked at",
        scene: up("RUNNING"),
        gives: { actions: [], events: [], lifecycle: "STABLE", conditions: ["Ready: Running"] },
      },
      { when: "and again", scene: up("RUNNING"), gives: { actions: [], events: [], lifecycle: "STABLE" } },
    ]);
    expect(trace.resource.status?.reconciliationStatus?.lastReconciledSpec).toBe(record);
    expect(trace.resource.status?.clusterInfo).toMatchObject({ "total-cpu": "2.0" });
    const spec = JSON.stringify(trace.resource.spec);
    expect(trace.resource.status?.history).toEqual([
      expect.objectContaining({ revision: 1, generation: 1, outcome: "Stable", spec }),
    ]);
  });

  it("is changed as its own", () => {
    const trace = new Trace(
      flinkDeployment(byApache(RUNNING, "running", "DEPLOYED"), edited(withParallelism(4))),
    );
    play(trace, [
      {
        when: "changed",
        scene: up("RUNNING"),
        gives: { actions: ["stop-with-savepoint"], lifecycle: "UPGRADING" },
      },
    ]);
  });
});

describe("what the Apache operator was in the middle of", () => {
  it("a job that is stopped with a savepoint starts again from it", () => {
    const jobStatus = { ...RUNNING.jobStatus, state: "FINISHED" as const, upgradeSavepointPath: "s3://sp" };
    const trace = new Trace(
      flinkDeployment(byApache({ ...RUNNING, jobStatus }, "suspended", "UPGRADING", "savepoint")),
    );
    play(trace, [
      {
        when: "the old cluster is there",
        scene: up("FINISHED", {}, []),
        gives: { actions: ["delete-job-manager"] },
      },
      { when: "gone", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [bringUpSteps([])[0]!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://sp",
    });
  });

  it.each<[string, Partial<FlinkDeploymentStatus>]>([
    ["a first attempt", { jobManagerDeploymentStatus: "MISSING", jobStatus: { jobId: JOB_ID } }],
    [
      "an attempt after a stop",
      {
        jobManagerDeploymentStatus: "MISSING",
        jobStatus: { jobId: JOB_ID, state: "FINISHED", upgradeSavepointPath: "s3://sp" },
      },
    ],
  ])("%s whose cluster is made is taken on, not made again", (_, status) => {
    const trace = new Trace(flinkDeployment(byApache(status, "suspended", "UPGRADING", "savepoint")));
    play(trace, [
      {
        when: "found",
        scene: starting(),
        gives: { actions: [], lifecycle: "DEPLOYED", jobManager: "DEPLOYING" },
      },
      bringUpSteps()[2]!,
    ]);
  });

  it("an attempt whose cluster is not made is made", () => {
    const status = { jobManagerDeploymentStatus: "MISSING" as const, jobStatus: { jobId: JOB_ID } };
    const trace = new Trace(flinkDeployment(byApache(status, "suspended", "UPGRADING")));
    play(trace, [
      { when: "recorded", scene: gone([]), gives: { jobState: "RECONCILING" } },
      ...bringUpSteps([]),
    ]);
  });

  it("a cancellation is followed to its end", () => {
    const jobStatus = { ...RUNNING.jobStatus, state: "CANCELLING" as const };
    const trace = new Trace(
      flinkDeployment(byApache({ ...RUNNING, jobStatus }, "running", "UPGRADING", "savepoint")),
    );
    play(trace, [
      { when: "on its way", scene: up("CANCELLING"), gives: { actions: [], jobState: "CANCELLING" } },
      {
        when: "the JobManager was lost with it, and HA metadata is left",
        scene: gone(HA),
        gives: { actions: [], lifecycle: "STABLE" },
      },
    ]);
    expect(recordedJob(trace).state).toBe("running");
  });

  it("a suspended job, by last-state, comes back from its HA metadata", () => {
    const jobStatus = { ...RUNNING.jobStatus, state: "FINISHED" as const };
    const status = { jobManagerDeploymentStatus: "MISSING" as const, jobStatus };
    const trace = new Trace(
      flinkDeployment(
        (draft) => void (draft.spec.job!.state = "suspended"),
        byApache(status, "suspended", "DEPLOYED", "last-state"),
      ),
    );
    play(trace, [
      { when: "suspended", scene: gone(), gives: { actions: [], lifecycle: "SUSPENDED" } },
      {
        when: "resumed",
        edit: edited((draft) => void (draft.spec.job!.state = "running")),
        scene: gone(),
        gives: { lifecycle: "UPGRADING" },
      },
      { when: "recorded", scene: gone(), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [bringUpSteps()[0]!]), "create-cluster").inputs).toMatchObject({
      jobId: JOB_ID,
      restore: { kind: "last-state", marker: true },
    });
  });
});

/** The cluster as the Apache operator makes standalone ones: every object belongs to the resource. */
function madeByApache(resource: FlinkDeployment, scene: Scene): Scene {
  const found = structuredClone(scene.cluster ?? nothing());
  const { taskManagers, services, configMaps } = found;
  const made = configMaps.filter(({ metadata }) => metadata.ownerReferences !== undefined);
  for (const object of [...services, ...made, taskManagers ?? []].flat()) ownedByResource(resource)(object);
  delete taskManagers?.metadata.annotations;
  return { ...scene, cluster: found };
}

describe("a standalone cluster of the Apache operator's", () => {
  const apache =
    (scene: SceneOf): SceneOf =>
    (resource) =>
      madeByApache(resource, scene(resource));

  /** Everything but the JobManager's Deployment and its pods. */
  const withoutJobManager =
    (pods: readonly KubeObject[], workers = true): SceneOf =>
    (resource) => {
      const { services, configMaps, taskManagers } = cluster(resource, [], { configMaps: HA });
      const left = { services, configMaps, pods, ...(workers ? { taskManagers } : {}) };
      return madeByApache(resource, { cluster: nothing(left) });
    };

  it("runs on untouched; a change takes all of it down, its configuration too, and starts a new one", () => {
    const trace = new Trace(flinkDeployment(standalone(), byApache(RUNNING, "running", "DEPLOYED")));
    play(trace, [
      {
        when: "looked at",
        scene: apache(up("RUNNING")),
        gives: { actions: [], events: [], lifecycle: "STABLE", conditions: ["Ready: Running"] },
      },
      {
        when: "changed",
        edit: edited(withParallelism(4), withUpgradeMode("last-state")),
        scene: apache(up("RUNNING")),
        gives: { actions: [], lifecycle: "UPGRADING" },
      },
      {
        when: "the JobManager goes first",
        scene: apache(starting()),
        gives: { actions: ["scale-job-manager-to-zero"] },
      },
      {
        when: "then what does not go with it",
        scene: withoutJobManager([pod("taskmanager")]),
        gives: { actions: ["delete-leftovers"] },
      },
      { when: "gone", scene: gone(), gives: { jobState: "RECONCILING" } },
    ]);
    const { inputs } = action(play(trace, [bringUpSteps()[0]!]), "create-cluster");
    expect(inputs.restore).toEqual({ kind: "last-state", marker: true });
    expect(inputs.spec.job?.parallelism).toBe(4);
  });

  it("whose attempt is made is taken on, not made again", () => {
    const status = { jobManagerDeploymentStatus: "MISSING" as const, jobStatus: { jobId: JOB_ID } };
    const trace = new Trace(
      flinkDeployment(standalone(), byApache(status, "suspended", "UPGRADING", "savepoint")),
    );
    play(trace, [
      {
        when: "found",
        scene: apache(starting()),
        gives: { actions: [], lifecycle: "DEPLOYED", jobManager: "DEPLOYING" },
      },
    ]);
  });

  it("that was taken down for a change leaves nothing that the next one would read", () => {
    const jobStatus = { ...RUNNING.jobStatus, state: "FINISHED" as const, upgradeSavepointPath: "s3://sp" };
    const status = { jobManagerDeploymentStatus: "MISSING" as const, jobStatus };
    const trace = new Trace(
      flinkDeployment(standalone(), byApache(status, "suspended", "UPGRADING", "savepoint")),
    );
    play(trace, [
      {
        when: "its Services and configuration are left",
        scene: withoutJobManager([], false),
        gives: { actions: ["delete-leftovers"], jobState: "FINISHED" },
      },
      { when: "gone", scene: gone([]), gives: { jobState: "RECONCILING" } },
    ]);
    expect(action(play(trace, [bringUpSteps([])[0]!]), "create-cluster").inputs.restore).toEqual({
      kind: "savepoint",
      path: "s3://sp",
    });
  });

  it("whose job ended long ago goes as a whole", () => {
    const jobStatus = { ...RUNNING.jobStatus, state: "FINISHED" as const, updateTime: "1" };
    const trace = new Trace(
      flinkDeployment(standalone(), byApache({ ...RUNNING, jobStatus }, "running", "DEPLOYED")),
    );
    play(trace, [
      { when: "after a day", scene: apache(up("FINISHED")), gives: { actions: ["delete-job-manager"] } },
      {
        when: "the JobManager is gone",
        scene: withoutJobManager([]),
        gives: { actions: ["delete-leftovers"], jobState: "FINISHED" },
      },
    ]);
  });
});

describe("an older cluster of the same resource", () => {
  it("is not taken for the attempt", () => {
    const status = { ...RUNNING, jobStatus: { jobId: JOB_ID, state: "FINISHED" as const } };
    const trace = new Trace(flinkDeployment(byApache(status, "suspended", "UPGRADING", "savepoint")));
    play(trace, [
      {
        when: "its JobManager is known to be there",
        scene: (resource) => ({ cluster: cluster(resource, [available()]) }),
        gives: { actions: ["scale-job-manager-to-zero"] },
      },
    ]);
  });
});
