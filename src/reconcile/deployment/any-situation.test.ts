/** Whatever is recorded, whatever is there, whatever Flink says: properties of a single decision, and of repeating it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withStatusDefaults } from "../../api/defaults.ts";
import type { FlinkDeployment, FlinkJobState, UpgradeMode } from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import {
  checkpointAt,
  checkpoints,
  exceptions,
  flink,
  job,
  ok,
  refused,
  silence,
  unreachable,
} from "../../../testbed/gen/flink-answers.ts";
import {
  deleted,
  edited,
  flinkDeployment,
  NOW,
  reactive,
  type ResourceChange,
  standalone,
  withConfiguration,
  withFlinkVersion,
  withJob,
  withJobState,
  withoutFinalizer,
  withoutHa,
  withParallelism,
  withSpec,
  withUpgradeMode,
} from "../../../testbed/gen/flink-deployment.ts";
import {
  available,
  haConfigMap,
  inPhase,
  jobManagerDeployment,
  madeFor,
  named,
  type ObjectChange,
  ownedByAnother,
  ownedByResource,
  ownedObjects,
  pod,
  replicaFailure,
  scaledToZero,
  TASK_MANAGERS_UID,
  taskManagerDeployment,
  terminating,
  unavailable,
  unschedulable,
  waiting,
} from "../../../testbed/gen/kube-objects.ts";
import {
  cancelling,
  deploying,
  JOB_ID,
  running,
  STARTED,
  type StatusDetails,
  stopped,
  stoppingWithSavepoint,
  submitting,
  suspended,
} from "../../../testbed/gen/recorded-status.ts";
import { PROGRESS_INTERVAL, RECONCILE_INTERVAL, type Scene } from "../../../testbed/gen/observed.ts";
import { type Outcome, Trace } from "../../../testbed/gen/trace.ts";
import { argoByConditions, kstatus, kubectlWaits } from "../../../testbed/gen/verdicts.ts";
import type { FlinkAnswers, RetainedAnswer } from "../decision.ts";
import { LAST_STATE_MARKER } from "../upgrade-mode.ts";
import { phaseOf } from "../phase.ts";

const operator = (key: string): ResourceChange =>
  withConfiguration({ [`kubernetes.operator.${key}`]: "true" });
const mode = fc.constantFrom<UpgradeMode>("stateless", "last-state", "savepoint");
const state = fc.constantFrom<FlinkJobState>(
  "CREATED",
  "RUNNING",
  "FAILING",
  "FAILED",
  "CANCELLING",
  "CANCELED",
  "FINISHED",
  "RESTARTING",
  "RECONCILING",
);

const setting = fc.constantFrom<ResourceChange>(
  withoutHa(),
  operator("job.restart.failed"),
  operator("job.savepoint-on-deletion"),
  operator("deployment.rollback.enabled"),
  operator("cluster.health-check.enabled"),
  operator("job.upgrade.last-state.job-cancel.enabled"),
  withConfiguration({ "kubernetes.operator.job.upgrade.last-state-fallback.enabled": "false" }),
  withConfiguration({ "kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age": "1 min" }),
  withJob({ initialSavepointPath: "s3://initial" }),
  standalone(),
  (draft) => [standalone(), reactive()].forEach((change) => change(draft)),
);
const edit = fc.constantFrom<ResourceChange>(
  withParallelism(4),
  withParallelism(-1),
  withJobState("suspended"),
  withJobState("running"),
  withUpgradeMode("stateless"),
  withUpgradeMode("last-state"),
  withFlinkVersion("v2_4"),
  withSpec({ restartNonce: 1 }),
  withSpec({ job: null }),
  withSpec({ mode: "standalone" }),
  withSpec({ taskManager: { replicas: 3, resource: { memory: "1g" } } }),
  withJob({ savepointRedeployNonce: 1, initialSavepointPath: "s3://chosen" }),
  withoutHa(),
);
const details: fc.Arbitrary<StatusDetails> = fc.record(
  {
    restore: mode,
    jobState: state,
    jobManager: fc.constantFrom("READY", "DEPLOYED_NOT_READY", "DEPLOYING", "MISSING", "ERROR"),
    stable: fc.boolean(),
    error: fc.constantFrom("Job Not Found", "{"),
    job: fc.constantFrom(
      { upgradeSavepointPath: "s3://sp" },
      { upgradeSavepointPath: LAST_STATE_MARKER },
      { savepointInfo: { lastSavepoint: { location: "s3://last", timeStamp: NOW } } },
    ),
  },
  { requiredKeys: [] },
);
const phase = fc.constantFrom(
  submitting,
  deploying,
  running,
  stoppingWithSavepoint,
  cancelling,
  stopped,
  suspended,
  undefined,
);

const resource: fc.Arbitrary<FlinkDeployment> = fc
  .record({
    mode,
    settings: fc.array(setting, { maxLength: 2 }),
    phase,
    details,
    edits: fc.array(edit, { maxLength: 2 }),
    end: fc.constantFrom<ResourceChange[]>([], [], [], [deleted()], [withoutFinalizer()]),
  })
  .map((one) =>
    flinkDeployment(
      withUpgradeMode(one.mode),
      ...one.settings,
      ...(one.phase === undefined ? [] : [one.phase(one.details)]),
      ...one.edits.map((change) => edited(change)),
      ...one.end,
    ),
  );

const deploymentChange = fc.constantFrom<ObjectChange[]>(
  [available()],
  [available()],
  [unavailable()],
  [unavailable(NOW)],
  [scaledToZero()],
  [terminating()],
  [replicaFailure("quota")],
  [available(), madeFor(7)],
  [available(), ownedByAnother()],
);
const podChange = fc.constantFrom<ObjectChange[]>(
  [],
  [terminating()],
  [terminating(NOW - 600_000)],
  [inPhase("Failed")],
  [unschedulable()],
  [waiting("ImagePullBackOff", "no")],
);
const workersChange = fc.constantFrom<ObjectChange[]>(
  [],
  [terminating()],
  [replicaFailure("quota")],
  [({ metadata }) => void (metadata.annotations = { "sluice/scale": "replicas 9" })],
  [({ metadata }) => delete metadata.annotations],
  [ownedByAnother()],
);
const pods = fc
  .array(fc.tuple(fc.constantFrom("jobmanager" as const, "taskmanager" as const), podChange), {
    maxLength: 2,
  })
  .map((list) =>
    list.map(([component, changes], index) => pod(component, named(`pod-${index}`), ...changes)),
  );
const haMaps = fc.constantFrom<KubeObject[]>(
  [],
  [haConfigMap()],
  [haConfigMap({ checkpoint: true })],
  [haConfigMap({ checkpoint: true, jobGraph: true })],
  [haConfigMap({ checkpoint: true }, "0".repeat(32))],
);
const answers: fc.Arbitrary<FlinkAnswers> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(silence()) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        jobs: fc.oneof(
          state.map((one) => [job(one, { endTime: STARTED })]),
          fc.constant([]),
          fc.constant([job("FAILED", { jobId: "driver" })]),
        ),
        checkpoints: fc.constantFrom(checkpointAt("s3://chk"), checkpoints({}), refused(404), unreachable()),
        savepoint: fc.constantFrom<NonNullable<FlinkAnswers["savepoint"]>>(
          ok({ state: "IN_PROGRESS" }),
          ok({ state: "COMPLETED", location: "s3://done" }),
          ok({ state: "COMPLETED", failure: "disk full" }),
          ok({ state: "COMPLETED", location: "s3://done", failure: "failed after" }),
          refused(404),
          unreachable(),
        ),
        applications: fc.constantFrom(ok([]), ok([{ id: "a", name: "a", state: "FAILED" }]), unreachable()),
        exceptions: fc.constantFrom(
          exceptions(),
          exceptions({ timestamp: NOW, stacktrace: "a.B: c" }),
          unreachable(),
        ),
      })
      .map(({ jobs, ...rest }) => flink(jobs, rest)),
  },
);

const retained = fc.constantFrom<RetainedAnswer>(
  { kind: "none" },
  { kind: "found", path: `s3://state/checkpoints/${JOB_ID}/chk-7`, checkpointId: 7, completed: NOW },
  { kind: "unclear", message: "no credentials" },
  { kind: "unreadable", message: "timeout", mendable: false },
  { kind: "unreadable", message: "forbidden", mendable: true },
);

interface Situation {
  readonly resource: FlinkDeployment;
  readonly scene: Scene;
}

const situation: fc.Arbitrary<Situation> = fc
  .record({
    resource,
    deployment: fc.option(deploymentChange, { nil: undefined }),
    workers: fc.option(workersChange, { nil: undefined }),
    byApache: fc.boolean(),
    pods,
    haMaps,
    owned: fc.boolean(),
    flink: answers,
    retained,
  })
  .map((one) => {
    const apache: ObjectChange[] = one.byApache ? [ownedByResource(one.resource)] : [];
    const owned = one.owned ? ownedObjects(one.resource).map((object) => structuredClone(object)) : [];
    for (const object of owned) for (const change of apache) change(object);
    const deployment = one.deployment && jobManagerDeployment(one.resource, ...one.deployment);
    return {
      resource: one.resource,
      scene: {
        cluster: {
          deployment,
          taskManagers: one.workers && taskManagerDeployment(one.resource, ...apache, ...one.workers),
          pods: one.pods,
          services: owned.filter(({ kind }) => kind === "Service"),
          configMaps: [...owned.filter(({ kind }) => kind === "ConfigMap"), ...one.haMaps],
        },
        flink: one.flink,
        retained: one.retained,
        exceptionsReportedUntil: NOW,
      },
    };
  });

function alive(scene: Scene): KubeObject[] {
  return (scene.cluster?.pods ?? []).filter(
    ({ status }) => (status as { phase?: string }).phase !== "Failed",
  );
}

function isOwn(object: KubeObject | undefined): boolean {
  return object !== undefined && object.metadata.ownerReferences?.length !== 0;
}

/** Of the resource: not one that belongs to somebody else, or to somebody else's JobManager. */
function ownWorkers({ cluster }: Scene): KubeObject | undefined {
  const { deployment, taskManagers } = cluster ?? {};
  const [owner] = taskManagers?.metadata.ownerReferences ?? [];
  const ofForeign = deployment !== undefined && !isOwn(deployment) && owner?.kind === "Deployment";
  return isOwn(taskManagers) && !ofForeign ? taskManagers : undefined;
}

function holds(name: string, claim: (situation: Situation, outcome: Outcome) => void): void {
  it(name, () => {
    fc.assert(
      fc.property(situation, (one) => claim(one, new Trace(one.resource).pass(one.scene))),
      { numRuns: 250 },
    );
  });
}

describe("in any situation", () => {
  holds(
    "a decision is made, its status is JSON, and the next look has a time or a cause",
    (_, { decision }) => {
      expect(JSON.parse(JSON.stringify(decision.status))).toEqual(decision.status);
      expect(decision.requeueAfter ?? 0).toBeGreaterThanOrEqual(0);
      expect(decision.requeueAfter).not.toBe(Number.POSITIVE_INFINITY);
    },
  );

  holds("one of Ready, Reconciling and Stalled is True", ({ resource: given }, outcome) => {
    if (given.metadata.finalizers?.length === 0 && given.metadata.deletionTimestamp !== undefined) return;
    expect(outcome.conditions).toHaveLength(1);
  });

  holds(
    "who waits is told the same by every tool, and never that all is well before it is",
    (one, outcome) => {
      const { metadata, spec } = one.resource;
      if (metadata.finalizers?.length === 0 && metadata.deletionTimestamp !== undefined) return;
      const resource = { ...one.resource, status: outcome.status };
      const { jobStatus, lifecycleState, observedGeneration } = outcome.status;
      const ready = outcome.conditions[0]?.startsWith("Ready") === true;
      expect(kstatus(resource) === "Current").toBe(ready);
      expect(kubectlWaits(resource) === "returns").toBe(ready);
      expect(["Healthy", "Suspended"].includes(argoByConditions(resource))).toBe(ready);
      if (!ready) return;
      expect(observedGeneration).toBe(metadata.generation);
      if (spec.job?.state === "suspended") expect(["CREATED", "SUSPENDED"]).toContain(lifecycleState);
      else expect(["RUNNING", "FINISHED"]).toContain(jobStatus?.state);
    },
  );

  holds("a cluster is created only where nothing of another is", ({ scene }, { decision }) => {
    for (const action of decision.actions) {
      if (action.type !== "create-cluster" || action.existing !== undefined) continue;
      expect([scene.cluster?.deployment, ownWorkers(scene), ...alive(scene)]).toEqual([undefined, undefined]);
      const left = [...(scene.cluster?.services ?? []), ...(scene.cluster?.configMaps ?? [])];
      const stale = left.filter(({ metadata }) => metadata.ownerReferences?.[0]?.kind === "FlinkDeployment");
      expect(stale).toEqual([]);
    }
  });

  holds(
    "HA metadata is deleted only when its cluster is gone, and never for a restore from it",
    ({ scene }, outcome) => {
      if (!outcome.actions.includes("delete-config-maps")) return;
      expect([scene.cluster?.deployment, ownWorkers(scene), ...alive(scene)]).toEqual([undefined, undefined]);
      if (outcome.lifecycle === "DELETING") return;
      expect(outcome.status.reconciliationStatus?.lastReconciledSpec).not.toContain(
        '"upgradeMode":"last-state","state"',
      );
    },
  );

  holds(
    "only the job that is recorded is stopped, and only the own Deployment is touched",
    ({ scene }, { decision }) => {
      for (const action of decision.actions) {
        if ("jobId" in action) expect(action.jobId).toBe(JOB_ID);
        if (action.type === "scale-task-managers") expect(ownWorkers(scene)).toBeDefined();
        else if ("uid" in action) expect(isOwn(scene.cluster?.deployment)).toBe(true);
        if (action.type !== "delete-leftovers") continue;
        expect(scene.cluster?.deployment).toBeUndefined();
        if (action.objects.some(({ uid }) => uid === TASK_MANAGERS_UID))
          expect(ownWorkers(scene)).toBeDefined();
      }
    },
  );

  holds("TaskManagers are taken down only where no JobManager runs", ({ scene }, { decision }) => {
    if (!decision.actions.some(({ type }) => type === "delete-leftovers")) return;
    const jobManagers = alive(scene).filter(
      ({ metadata }) => metadata.labels?.["component"] === "jobmanager",
    );
    const stuck = ({ metadata: { deletionTimestamp = "" } }: KubeObject): boolean =>
      Date.parse(deletionTimestamp) < NOW - 60_000;
    expect(jobManagers.filter((one) => !stuck(one))).toEqual([]);
  });

  holds("what is recorded as the next step is taken at once", ({ resource: given }, outcome) => {
    const [before, after] = [withStatusDefaults(given.status), withStatusDefaults(outcome.status)];
    const recorded =
      after.reconciliationStatus.lastReconciledSpec !== before.reconciliationStatus.lastReconciledSpec;
    const next = phaseOf(after);
    if (recorded && (next === "stopped" || next === "submitting") && outcome.lifecycle !== "DELETING") {
      expect(outcome.decision.requeueAfter).toBe(0);
    }
  });

  holds(
    "what is under way is looked at soon, what rests not so soon",
    (_, { decision, conditions, actions }) => {
      const { requeueAfter } = decision;
      if (actions.includes("remove-finalizer") || requeueAfter === undefined) return;
      const [verdict = ""] = conditions;
      if (verdict.startsWith("Reconciling")) expect(requeueAfter).toBeLessThanOrEqual(PROGRESS_INTERVAL);
      if (verdict.startsWith("Ready")) expect([0, RECONCILE_INTERVAL]).toContain(requeueAfter);
    },
  );

  holds("a retained checkpoint is restored only when its cluster is gone", ({ scene }, outcome) => {
    if (!outcome.events.includes("RestoringFromCheckpoint")) return;
    const { deployment } = scene.cluster ?? {};
    const foreign = deployment?.metadata.ownerReferences?.length === 0;
    if (!foreign) expect([deployment, ...alive(scene)]).toEqual([undefined]);
    const from = outcome.status.jobStatus?.upgradeSavepointPath;
    expect(from).toBeDefined();
    expect(from).not.toBe(LAST_STATE_MARKER);
  });

  holds("the finalizer goes last", ({ scene }, outcome) => {
    if (!outcome.actions.includes("remove-finalizer")) return;
    expect(outcome.actions).toEqual(["remove-finalizer"]);
    if (scene.cluster?.deployment !== undefined) expect(isOwn(scene.cluster.deployment)).toBe(false);
    else expect([ownWorkers(scene), ...alive(scene)]).toEqual([undefined]);
  });

  it("looking again and again at the same comes to rest", () => {
    fc.assert(
      fc.property(situation, ({ resource: given, scene }) => {
        const trace = new Trace(given);
        for (let pass = 0; pass < 10; pass++) trace.pass(scene, 10);
        const before = trace.pass(scene, 10);
        const after = trace.pass(scene, 10);
        expect(after.status).toEqual(before.status);
        expect(after.actions).toEqual(before.actions);
        // These go with an action that makes something, and here nothing comes of it.
        const loud = after.events.filter((reason) => reason !== "Submit" && reason !== "RecoverDeployment");
        expect(loud).toEqual([]);
      }),
      { numRuns: 150 },
    );
  }, 30_000);
});
