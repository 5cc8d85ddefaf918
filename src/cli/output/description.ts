/** One resource in detail, for people. */
import type { FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { modeOf, withoutNulls } from "../../api/defaults.ts";
import { podProblems } from "../../reconcile/deployment/pod-problems.ts";
import { withoutSecrets } from "../../jars/jar-error.ts";
import { errorMessage } from "../../reconcile/status-error.ts";
import type { JobEvent } from "../job-events.ts";
import { type AnyJob, parallelismOf } from "../job-facts.ts";
import { eventTable } from "./event-table.ts";
import { age, table } from "./table.ts";

export interface Described {
  readonly resource: KubeObject;
  readonly pods: readonly KubeObject[];
  readonly events: readonly JobEvent[];
  readonly now: number;
}

type Field = readonly [label: string, value: string | number | undefined];

const LABEL_WIDTH = 18;

function fields(rows: readonly Field[], indent = ""): string {
  return rows
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([label, value]) => `${`${indent}${label}:`.padEnd(LABEL_WIDTH)}${String(value)}\n`)
    .join("");
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}

function section(title: string, body: string): string {
  return body === "" ? "" : `${title}:\n${indented(body)}`;
}

function pairs(map: Record<string, string> = {}): string {
  return Object.entries(map)
    .filter(([key]) => key !== "kubectl.kubernetes.io/last-applied-configuration")
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}

/** `2026-03-01T12:00:00Z (90m ago)`, of epoch milliseconds. */
function moment(milliseconds: number | undefined, now: number): string | undefined {
  if (milliseconds === undefined || !(milliseconds > 0)) return undefined;
  const text = new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
  return `${text} (${age(text, now)} ago)`;
}

function specFields({ spec }: AnyJob): Field[] {
  const { job } = spec;
  return [
    ["Image", spec.image],
    ["Flink version", spec.flinkVersion],
    ["Mode", spec.deploymentName === undefined ? modeOf(spec) : undefined],
    ["Session cluster", spec.deploymentName],
    ["Jar", job?.jarURI && withoutSecrets(job.jarURI)],
    ["Parallelism", parallelismOf(spec)],
    ["Upgrade mode", job && (job.upgradeMode ?? "stateless")],
    ["Wanted", job && (job.state ?? "running")],
  ];
}

function statusFields({ status }: AnyJob, now: number): Field[] {
  const { jobStatus, lifecycleState, jobManagerDeploymentStatus, error } = status ?? {};
  const savepoint = jobStatus?.savepointInfo?.lastSavepoint;
  return [
    ["Lifecycle", lifecycleState],
    ["JobManager", jobManagerDeploymentStatus],
    ["Job", jobStatus?.state],
    ["Job id", jobStatus?.jobId],
    ["Running since", moment(Number(jobStatus?.startTime), now)],
    ["Restores from", jobStatus?.upgradeSavepointPath],
    ["Last savepoint", savepoint?.location],
    ["Savepoint taken", moment(savepoint?.timeStamp, now)],
    ["Error", errorMessage(error)],
  ];
}

function conditions({ status }: AnyJob, now: number): string {
  const rows = (status?.conditions ?? []).map((one) => [
    one.type,
    one.status,
    age(one.lastTransitionTime, now),
    one.reason,
    one.message.replaceAll(/\s+/g, " "),
  ]);
  return rows.length === 0 ? "" : table([["TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"], ...rows]);
}

function podTable(pods: readonly KubeObject[], now: number): string {
  const problems = new Map(podProblems(pods).map((one) => [one.pod, one]));
  const rows = pods.map((pod) => {
    const { phase = "", containerStatuses = [] } = (pod["status"] ?? {}) as {
      phase?: string;
      containerStatuses?: { ready?: boolean; restartCount?: number }[];
    };
    const { name, labels, creationTimestamp, deletionTimestamp } = pod.metadata;
    const ready = containerStatuses.filter((one) => one.ready).length;
    const restarts = containerStatuses.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);
    const { nodeName = "<none>" } = (pod["spec"] ?? {}) as { nodeName?: string };
    const problem = problems.get(name);
    const state = deletionTimestamp === undefined ? (problem?.reason ?? phase) : "Terminating";
    const component = labels?.["component"] ?? "<none>";
    const counts = [`${ready}/${containerStatuses.length}`, state, String(restarts)];
    return [name, component, ...counts, age(creationTimestamp, now), nodeName];
  });
  const header = ["NAME", "COMPONENT", "READY", "STATUS", "RESTARTS", "AGE", "NODE"];
  return rows.length === 0 ? "" : table([header, ...rows]);
}

const SHOWN_REVISIONS = 5;

function historyTable({ status }: AnyJob, now: number): string {
  const rows = (status?.history ?? [])
    .slice(-SHOWN_REVISIONS)
    .map((one) => [
      String(one.revision ?? ""),
      age(one.startTime, now),
      one.image ?? "<none>",
      one.restoredFrom ?? "<none>",
      one.outcome ?? "<none>",
    ]);
  return rows.length === 0 ? "" : table([["REVISION", "AGE", "IMAGE", "FROM", "OUTCOME"], ...rows]);
}

function snapshotFields({ spec, status }: FlinkStateSnapshot): Field[] {
  const { kind, name } = spec.jobReference ?? {};
  return [
    ["Job", name && `${kind ?? ""}/${name}`],
    ["Type", spec.checkpoint ? "checkpoint" : "savepoint"],
    ["State", status?.state],
    ["Path", status?.path],
    ["Failures", status?.failures],
    ["Error", errorMessage(status?.error)],
  ];
}

export function description({ resource, pods, events, now }: Described): string {
  const { name, namespace, labels, annotations, creationTimestamp, deletionTimestamp, generation } =
    resource.metadata;
  const head = fields([
    ["Name", name],
    ["Namespace", namespace],
    ["Kind", resource.kind],
    ["Labels", pairs(labels)],
    ["Annotations", pairs(annotations)],
    ["Created", creationTimestamp && moment(Date.parse(creationTimestamp), now)],
    ["Being deleted", deletionTimestamp && moment(Date.parse(deletionTimestamp), now)],
    ["Generation", generation],
  ]);
  const eventText = section("Events", events.length === 0 ? "<none>\n" : eventTable(events, now));
  if (resource.kind === "FlinkStateSnapshot")
    return head + fields(snapshotFields(resource as FlinkStateSnapshot)) + eventText;
  const job = { ...resource, spec: withoutNulls(resource["spec"] ?? {}) } as AnyJob;
  return [
    head,
    section("Spec", fields(specFields(job))),
    section("Status", fields(statusFields(job, now))),
    section("Conditions", conditions(job, now)),
    section("Pods", podTable(pods, now)),
    section("History", historyTable(job, now)),
    eventText,
  ].join("");
}
