/** Changes that Flink does not notice: what is done, what is recorded and when, and what goes on meanwhile. */
import { describe, expect, it } from "vitest";
import { carryOutInPlace } from "../plan/in-place-objects.ts";
import {
  edited,
  flinkDeployment,
  reactive,
  type ResourceChange,
  standalone,
  withConfiguration,
  withImage,
  withJobState,
  withSpec,
} from "../../../testbed/gen/flink-deployment.ts";
import {
  cluster,
  INGRESS_UID,
  nothing,
  ownedByAnother,
  ownIngress,
} from "../../../testbed/gen/kube-objects.ts";
import type { Scene } from "../../../testbed/gen/observed.ts";
import { running, submitting, suspended } from "../../../testbed/gen/recorded-status.ts";
import { gone, HA, up } from "../../../testbed/gen/steps.ts";
import { wouldChange } from "../../../testbed/gen/apache-reader.ts";
import { condition, decideOnce, message, play, Trace } from "../../../testbed/gen/trace.ts";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import type { InPlaceAction } from "../decision.ts";
import { parseRecordedSpec } from "../last-reconciled-spec.ts";

const ingress = (template: string, fields: object = {}): ResourceChange =>
  withSpec({ ingress: { template, ...fields } });
const annotated = (text: string): ResourceChange =>
  withConfiguration({ "kubernetes.rest-service.annotations": text });
const LOG4J = "log4j-console.properties";
const logging = (text: string): ResourceChange => withSpec({ logConfiguration: { [LOG4J]: text } });
const LOOKING = "monitorInterval = 5\n";

/** What Kubernetes holds of a running job; actions change it as the API server would. */
class Held {
  ingress: KubeObject | undefined;
  services: KubeObject[];
  configMaps: KubeObject[];

  constructor(resource: FlinkDeployment) {
    const { services, configMaps, ingress: made } = cluster(resource);
    const named = (object: KubeObject): KubeObject => ({
      ...object,
      metadata: { ...object.metadata, uid: `${object.metadata.name}-uid` },
    });
    this.ingress = made;
    this.services = services.map(named);
    this.configMaps = configMaps.map(named);
  }

  scene(resource: FlinkDeployment): Scene {
    const { cluster: made, ...scene } = up("RUNNING")(resource);
    const { ingress, services } = this;
    return { ...scene, cluster: { ...made!, services, ingress, configMaps: [...this.configMaps, ...HA] } };
  }

  apply(one: InPlaceAction): void {
    carryOutInPlace(this, one, () => INGRESS_UID);
  }

  of(kind: "Service" | "ConfigMap", name: string): KubeObject | undefined {
    const among = kind === "Service" ? this.services : this.configMaps;
    return among.find(({ metadata }) => metadata.name === name);
  }
}

function recorded({ status }: FlinkDeployment, what: "lastReconciledSpec" | "lastStableSpec") {
  return parseRecordedSpec(status?.reconciliationStatus?.[what])?.spec;
}

function withoutNote(annotations: Record<string, string> | undefined): Record<string, string> {
  const { "sluice/applied": _, ...rest } = annotations ?? {};
  return rest;
}

/** Passes until nothing is asked for any more. */
function settle(trace: Trace, held: Held): string[] {
  const done: string[] = [];
  for (let pass = 0; pass < 4; pass++) {
    const outcome = trace.pass(held.scene(trace.resource));
    done.push(...outcome.actions);
    for (const one of outcome.decision.actions) held.apply(one as InPlaceAction);
  }
  return done;
}

/** A job that runs as `before` says and is then edited. */
function changed(before: ResourceChange[], after: ResourceChange[]): [Trace, Held] {
  const resource = flinkDeployment(...before, running());
  const trace = new Trace(resource);
  trace.change(edited(...after));
  return [trace, new Held(resource)];
}

describe("a change in place", () => {
  it.each<[string, ResourceChange[], ResourceChange[], string[]]>([
    ["of an Ingress that is asked for", [], [ingress("a")], ["create-ingress"]],
    ["of its template", [ingress("a")], [ingress("b")], ["patch-object"]],
    [
      "of its annotations",
      [ingress("a", { annotations: { a: "1" } })],
      [ingress("a", { annotations: { b: "1" } })],
      ["patch-object"],
    ],
    [
      "of an Ingress that is not asked for any more",
      [ingress("a")],
      [withSpec({ ingress: null })],
      ["delete-ingress"],
    ],
    ["of annotations of the REST Service", [], [annotated("a:1")], ["patch-object"]],
    ["of log files", [logging(LOOKING)], [logging("b")], ["patch-object"]],
    [
      "of several at once",
      [ingress("a"), annotated("a:1"), logging(LOOKING)],
      [ingress("b"), annotated("b:1"), logging("b")],
      ["patch-object", "patch-object", "patch-object"],
    ],
  ])("%s touches no more than that, and is recorded when it is seen", (_, before, after, actions) => {
    const [trace, held] = changed(before, after);
    const status = structuredClone(trace.resource.status!);
    const first = trace.pass(held.scene(trace.resource));
    expect(first).toMatchObject({ actions, events: [], lifecycle: "STABLE", jobState: "RUNNING" });
    expect(first.conditions).toEqual(["Reconciling: ChangePending"]);
    expect(first.status.observedGeneration).toBe(1);
    expect(first.status.reconciliationStatus).toEqual(status.reconciliationStatus);
    expect(first.decision.requeueAfter).toBe(0);
    for (const one of first.decision.actions) held.apply(one as InPlaceAction);
    const second = trace.pass(held.scene(trace.resource));
    expect(second).toMatchObject({ actions: [], events: ["SpecChanged"], conditions: ["Ready: Running"] });
    expect(message(second, "SpecChanged")).toMatch(/^IN_PLACE change\(s\) detected/);
    expect(second.status).toMatchObject({
      observedGeneration: 2,
      jobStatus: { jobId: status.jobStatus?.jobId },
    });
    expect(second.status.reconciliationStatus).toMatchObject({
      state: "DEPLOYED",
      reconciliationTimestamp: status.reconciliationStatus?.reconciliationTimestamp,
    });
    // Handed back, the change is none to the Apache operator.
    expect(wouldChange(trace.resource)).toEqual([]);
    const { lastReconciledSpec, lastStableSpec } = second.status.reconciliationStatus!;
    expect(lastStableSpec).toBe(lastReconciledSpec);
    expect(trace.pass(held.scene(trace.resource))).toMatchObject({ actions: [], events: [] });
  });

  it("takes away what is not asked for any more, and leaves what others added", () => {
    const [trace, held] = changed(
      [ingress("a", { annotations: { a: "1" }, className: "nginx" }), annotated("a:1,b:2")],
      [ingress("a", { annotations: { b: "2" } }), annotated("b:3")],
    );
    const rest = held.of("Service", "job-rest")!;
    rest.metadata.annotations = { a: "1", b: "2", cloud: "neg" };
    held.ingress!.metadata.annotations = { a: "1", "cert-manager": "x" };
    settle(trace, held);
    expect(withoutNote(held.of("Service", "job-rest")?.metadata.annotations)).toEqual({
      b: "3",
      cloud: "neg",
    });
    expect(withoutNote(held.ingress?.metadata.annotations)).toEqual({ b: "2", "cert-manager": "x" });
    expect(held.ingress?.["spec"]).not.toHaveProperty("ingressClassName");
    trace.change(edited(ingress("a"), withConfiguration({ "kubernetes.rest-service.annotations": null })));
    settle(trace, held);
    expect(withoutNote(held.of("Service", "job-rest")?.metadata.annotations)).toEqual({ cloud: "neg" });
    expect(withoutNote(held.ingress?.metadata.annotations)).toEqual({ "cert-manager": "x" });
  });

  it("takes away also what an edit asked for that was never recorded", () => {
    const [trace, held] = changed([], [annotated("a:1")]);
    const { decision } = trace.pass(held.scene(trace.resource));
    for (const one of decision.actions) held.apply(one as InPlaceAction);
    trace.change(edited(annotated("b:2")));
    settle(trace, held);
    expect(withoutNote(held.of("Service", "job-rest")?.metadata.annotations)).toEqual({ b: "2" });
  });

  it("keeps the cluster's own labels, by which it is found", () => {
    const [trace, held] = changed(
      [],
      [withConfiguration({ "kubernetes.rest-service.labels": "app:mine,team:a" })],
    );
    settle(trace, held);
    expect(held.of("Service", "job-rest")?.metadata.labels).toMatchObject({ app: "job", team: "a" });
  });

  it("reaches the running processes' log files, and nothing else in their ConfigMap", () => {
    const [trace, held] = changed([logging(LOOKING)], [logging(`${LOOKING}rootLogger.level = DEBUG\n`)]);
    held.of("ConfigMap", "flink-config-job")!["data"] = { [LOG4J]: LOOKING, "config.yaml": "a: b" };
    settle(trace, held);
    expect(held.of("ConfigMap", "flink-config-job")?.["data"]).toEqual({
      [LOG4J]: `${LOOKING}rootLogger.level = DEBUG\n`,
      "config.yaml": "a: b",
    });
  });

  it("together with an upgrade is one upgrade", () => {
    const [trace, held] = changed([annotated("a:1")], [annotated("b:1"), ingress("a"), withImage("other")]);
    const outcome = trace.pass(held.scene(trace.resource));
    expect(outcome.actions).toEqual(["stop-with-savepoint"]);
    expect(outcome.events).toEqual(["Suspended", "SpecChanged"]);
  });

  it("together with more TaskManagers of a reactive job comes first", () => {
    const [trace, held] = changed(
      [
        standalone(),
        reactive(),
        withSpec({ taskManager: { replicas: 1, resource: { memory: "1g", cpu: 1 } } }),
      ],
      [
        annotated("a:1"),
        ingress("a"),
        withSpec({ taskManager: { replicas: 2, resource: { memory: "1g", cpu: 1 } } }),
      ],
    );
    const first = trace.pass(held.scene(trace.resource));
    expect(first.actions).toEqual(["patch-object"]);
    expect(recorded(trace.resource, "lastReconciledSpec")?.taskManager?.replicas).toBe(1);
    for (const one of first.decision.actions) held.apply(one as InPlaceAction);
    const second = trace.pass(held.scene(trace.resource));
    expect(second.actions).toEqual(["scale-task-managers", "create-ingress"]);
    expect(recorded(trace.resource, "lastReconciledSpec")?.taskManager?.replicas).toBe(2);
  });

  it("while the job is suspended waits for its next start", () => {
    const trace = new Trace(flinkDeployment(withJobState("suspended"), suspended()));
    trace.change(edited(ingress("a")));
    expect(trace.pass(gone([])(trace.resource))).toMatchObject({
      actions: [],
      conditions: ["Ready: Suspended"],
    });
    trace.change(edited(withJobState("running")));
    trace.pass(gone([])(trace.resource));
    expect(trace.pass(gone([])(trace.resource)).actions).toEqual(["create-ingress"]);
  });

  it("of a job that was rolled back leaves it so, and is a part of either spec", () => {
    const resource = flinkDeployment(withImage("works"), running());
    const { lastStableSpec: stable = "" } = resource.status?.reconciliationStatus ?? {};
    edited(withImage("broken"))(resource);
    running()(resource);
    Object.assign(resource.status!.reconciliationStatus!, { state: "ROLLED_BACK", lastStableSpec: stable });
    const trace = new Trace(resource);
    const held = new Held(resource);
    trace.change(edited(annotated("a:1"), ingress("a")));
    expect(settle(trace, held)).toEqual(["patch-object", "create-ingress"]);
    const { status } = trace.resource;
    expect(status).toMatchObject({
      lifecycleState: "ROLLED_BACK",
      observedGeneration: 3,
      reconciliationStatus: { state: "ROLLED_BACK" },
    });
    for (const [what, image] of [
      ["lastReconciledSpec", "broken"],
      ["lastStableSpec", "works"],
    ] as const) {
      expect(recorded(trace.resource, what)).toMatchObject({ image, ingress: { template: "a" } });
    }
  });

  it("of a session cluster does not restart it", () => {
    const [trace, held] = changed([withSpec({ job: null })], [annotated("a:1"), ingress("a")]);
    const { deployment, taskManagers, pods } = cluster(trace.resource);
    const scene = (): Scene => ({
      ...held.scene(trace.resource),
      cluster: { ...held.scene(trace.resource).cluster!, deployment, taskManagers, pods },
    });
    const first = trace.pass(scene());
    expect(first).toMatchObject({ actions: ["patch-object", "create-ingress"], lifecycle: "STABLE" });
    expect(first.status.observedGeneration).toBe(1);
    for (const one of first.decision.actions) held.apply(one as InPlaceAction);
    const second = trace.pass(scene());
    expect(second).toMatchObject({ actions: [], events: ["SpecChanged"], lifecycle: "STABLE" });
    expect(second.status.observedGeneration).toBe(2);
  });
});

describe("a change in place that is refused", () => {
  const refused = (scene: Scene, action: string): Scene => ({
    ...scene,
    failure: { action: action as "patch-object", reason: "Forbidden", message: "services is forbidden" },
  });

  it("is said, tried again at leisure, and does not keep a lost JobManager from being replaced", () => {
    const [trace, held] = changed([], [annotated("a:1")]);
    trace.pass(held.scene(trace.resource));
    const second = trace.pass(refused(held.scene(trace.resource), "patch-object"));
    expect(second).toMatchObject({
      actions: ["patch-object"],
      events: ["Forbidden"],
      conditions: ["Stalled: Forbidden"],
      lifecycle: "STABLE",
    });
    expect(condition(second, "Stalled")?.message).toContain("services is forbidden");
    expect(second.decision.requeueAfter).toBe(60_000);
    const { services } = held.scene(trace.resource).cluster!;
    const lost = trace.pass({ cluster: nothing({ services, configMaps: HA }) });
    expect(lost.events).toContain("RecoverDeployment");
    expect(recorded(trace.resource, "lastReconciledSpec")?.job?.state).toBe("suspended");
  });

  it("for an Ingress of somebody else's leaves that alone, and the job runs on", () => {
    const [trace, held] = changed([], [ingress("a")]);
    const taken = flinkDeployment(ingress("z"));
    held.ingress = ownIngress(taken);
    ownedByAnother()(held.ingress!);
    const outcome = trace.pass(held.scene(trace.resource));
    expect(outcome).toMatchObject({ actions: [], conditions: ["Stalled: NameTaken"], lifecycle: "STABLE" });
    expect(condition(outcome, "Stalled")?.message).toMatch(/^an Ingress named job exists/);
    expect(condition(outcome, "Stalled")?.message).not.toContain("Besides");
  });
});

describe("the Ingress", () => {
  it("is made with the first deployment", () => {
    const resource = flinkDeployment(ingress("a"), submitting());
    const { actions, decision } = decideOnce(resource, gone([])(resource));
    expect(actions).toEqual(["create-cluster", "create-ingress"]);
    expect(decision.actions.at(-1)).toMatchObject({
      ingress: {
        metadata: { name: "job", labels: { component: "ingress" } },
        spec: { rules: [{ host: "a" }] },
      },
    });
  });

  it.each<[string, (held: Held) => void, string[]]>([
    ["deleted by hand is made again", (held) => (held.ingress = undefined), ["create-ingress"]],
    ["changed by hand is changed back", ({ ingress: made }) => void (made!["spec"] = {}), ["patch-object"]],
    [
      "without its label gets it back",
      ({ ingress: made }) => void (made!.metadata.labels = {}),
      ["patch-object"],
    ],
    ["as the Apache operator made it stays as it is", () => {}, []],
    [
      "that others have added to stays as it is",
      ({ ingress: made }) => void (made!.metadata.annotations = { a: "1", "cert-manager": "x" }),
      [],
    ],
  ])("%s", (_, change, actions) => {
    const resource = flinkDeployment(ingress("a", { annotations: { a: "1" } }), running());
    const held = new Held(resource);
    change(held);
    const trace = new Trace(resource);
    expect(trace.pass(held.scene(resource))).toMatchObject({
      actions,
      lifecycle: "STABLE",
      conditions: ["Ready: Running"],
    });
  });

  it("that nobody asked for any more goes, and no other", () => {
    const resource = flinkDeployment(running());
    const held = new Held(resource);
    held.ingress = ownIngress(flinkDeployment(ingress("a")));
    expect(decideOnce(resource, held.scene(resource)).actions).toEqual(["delete-ingress"]);
    ownedByAnother()(held.ingress!);
    expect(decideOnce(resource, held.scene(resource)).actions).toEqual([]);
  });

  it("is left to others where the operator is told so, with a warning", () => {
    const fields = { defaults: { "kubernetes.operator.ingress.manage": "false" } };
    const fresh = flinkDeployment(ingress("a"), submitting());
    expect(decideOnce(fresh, gone([])(fresh), fields)).toMatchObject({
      actions: ["create-cluster"],
      events: ["Submit", "IngressManagement"],
    });
    const resource = flinkDeployment(running());
    const trace = new Trace(resource, fields);
    trace.change(edited(ingress("a")));
    play(trace, [
      {
        when: "the change is recorded, and nothing is done for it",
        scene: up("RUNNING"),
        gives: { actions: [], events: ["IngressManagement", "SpecChanged"], conditions: ["Ready: Running"] },
      },
      { when: "which is said once", scene: up("RUNNING"), gives: { actions: [], events: [] } },
    ]);
    trace.change(edited(withSpec({ ingress: null })));
    const held = new Held(flinkDeployment(ingress("a")));
    expect(trace.pass(held.scene(trace.resource)).actions).toEqual([]);
  });
});
