/** Scenes and steps that worked traces share: clusters that come up, run and go. */
import type { FlinkDeployment, FlinkJobState } from "../../src/api/flink-deployment.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";
import type { JobOverview } from "../../src/flink/rest-answers.ts";
import type { FlinkAnswers } from "../../src/reconcile/decision.ts";
import { parseRecordedSpec } from "../../src/reconcile/last-reconciled-spec.ts";
import { flink, job } from "./flink-answers.ts";
import {
  available,
  cluster,
  CREATED,
  haConfigMap,
  jobManagerDeployment,
  nothing,
  pod,
  scaledToZero,
  terminating,
  unavailable,
  waiting,
} from "./kube-objects.ts";
import type { Scene } from "./observed.ts";
import type { Step, Trace } from "./trace.ts";

export type SceneOf = (resource: FlinkDeployment) => Scene;

/** HA metadata with a checkpoint. */
export const HA: readonly KubeObject[] = [haConfigMap({ checkpoint: true })];

/** The job that the resource's status names. */
export function ownJob(resource: FlinkDeployment, state: FlinkJobState): JobOverview {
  return job(state, { jobId: resource.status?.jobStatus?.jobId ?? "" });
}

/** A cluster that answers, with the resource's job in a state. */
export function up(
  state: FlinkJobState,
  answers: FlinkAnswers = {},
  configMaps: readonly KubeObject[] = HA,
): SceneOf {
  return (resource) => ({
    cluster: cluster(resource, [available()], { configMaps }),
    flink: flink([ownJob(resource, state)], answers),
  });
}

/** A complete cluster whose JobManager has not started yet. */
export function starting(configMaps: readonly KubeObject[] = HA): SceneOf {
  return (resource) => ({ cluster: cluster(resource, [], { configMaps }) });
}

/** A cluster whose JobManager cannot start; it never did, unless it has been unavailable since later. */
export function imagePullBackOff(configMaps: readonly KubeObject[] = [], since: number = CREATED): SceneOf {
  return (resource) => ({
    cluster: cluster(resource, [unavailable(since)], {
      pods: [pod("jobmanager", waiting("ImagePullBackOff", "no such image"))],
      configMaps,
    }),
  });
}

/** Nothing is left of the cluster, but its HA metadata. */
export function gone(configMaps: readonly KubeObject[] = HA): SceneOf {
  return () => ({ cluster: nothing({ configMaps }) });
}

/** The passes by which a cluster with a job goes; `gone` comes next. */
export function tearDownSteps(configMaps: readonly KubeObject[] = HA): Step[] {
  return [
    {
      when: "the JobManager is stopped first",
      scene: (resource) => ({ cluster: cluster(resource, [available()], { configMaps }) }),
      gives: { actions: ["scale-job-manager-to-zero"], events: [] },
    },
    {
      when: "its pod is waited for",
      scene: (resource) => ({ cluster: cluster(resource, [scaledToZero()], { configMaps }) }),
      gives: { actions: [], events: [] },
    },
    {
      when: "then the Deployment goes",
      scene: (resource) => ({
        cluster: cluster(resource, [scaledToZero()], { pods: [pod("taskmanager")], configMaps }),
      }),
      gives: { actions: ["delete-job-manager"], events: [] },
    },
    {
      when: "and everything that it owns",
      scene: (resource) => ({
        cluster: nothing({ deployment: jobManagerDeployment(resource, terminating()), configMaps }),
      }),
      gives: { actions: [], events: [] },
    },
  ];
}

/** The passes from a recorded attempt to a stable job; the first creates the cluster. */
export function bringUpSteps(configMaps: readonly KubeObject[] = HA): Step[] {
  return [
    {
      when: "the cluster is created",
      scene: gone(configMaps),
      gives: {
        actions: ["create-cluster"],
        events: ["Submit"],
        lifecycle: "UPGRADING",
        jobState: "RECONCILING",
        jobManager: "MISSING",
      },
    },
    {
      when: "its objects are there",
      scene: starting(configMaps),
      gives: { actions: [], lifecycle: "DEPLOYED", jobManager: "DEPLOYING", error: undefined },
    },
    {
      when: "its job runs",
      scene: up("RUNNING", {}, configMaps),
      gives: {
        actions: [],
        events: ["JobStatusChanged"],
        lifecycle: "STABLE",
        jobManager: "READY",
        jobState: "RUNNING",
        error: undefined,
        conditions: ["Ready: Running"],
      },
    },
  ];
}

/** What is recorded of the job. */
export function recordedJob(trace: Trace) {
  const record = parseRecordedSpec(trace.resource.status?.reconciliationStatus?.lastReconciledSpec);
  const { state, upgradeMode, parallelism } = record?.spec.job ?? {};
  return { state, upgradeMode, parallelism, firstDeployment: record?.firstDeployment };
}
