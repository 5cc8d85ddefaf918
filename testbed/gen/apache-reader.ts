/**
 * What the Apache operator finds in a status that Sluice wrote: written from that operator's specification (1.7 to 1.10),
 * and sharing nothing with Sluice's own reader, so that the two cannot agree on the same mistake.
 */
import type { FlinkDeployment } from "../../src/api/flink-deployment.ts";

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const JOB_STATES =
  "INITIALIZING CREATED RUNNING FAILING FAILED CANCELLING CANCELED FINISHED RESTARTING SUSPENDED RECONCILING";
const LIFECYCLES =
  "CREATED SUSPENDED UPGRADING DEPLOYED STABLE ROLLING_BACK ROLLED_BACK FAILED DELETING DELETED";
const TRIGGERS = "MANUAL PERIODIC UPGRADE UNKNOWN";

/** The type of each field: a word is one of an enumeration. Java's reader refuses a status with any other. */
const FIELDS: Readonly<Record<string, string>> = {
  "jobStatus.jobName": "text",
  "jobStatus.jobId": "text",
  "jobStatus.state": JOB_STATES,
  "jobStatus.startTime": "text",
  "jobStatus.updateTime": "text",
  "jobStatus.upgradeSavepointPath": "text",
  "jobStatus.savepointInfo.triggerId": "text",
  "jobStatus.savepointInfo.triggerTimestamp": "number",
  "jobStatus.savepointInfo.triggerType": TRIGGERS,
  "jobStatus.savepointInfo.formatType": "CANONICAL NATIVE UNKNOWN",
  "jobStatus.savepointInfo.lastPeriodicSavepointTimestamp": "number",
  "jobStatus.savepointInfo.lastSavepoint.timeStamp": "number",
  "jobStatus.savepointInfo.lastSavepoint.location": "text",
  "jobStatus.savepointInfo.lastSavepoint.triggerType": TRIGGERS,
  "jobStatus.savepointInfo.lastSavepoint.formatType": "CANONICAL NATIVE UNKNOWN",
  "jobStatus.savepointInfo.lastSavepoint.triggerNonce": "number",
  "jobStatus.checkpointInfo.triggerId": "text",
  "jobStatus.checkpointInfo.triggerTimestamp": "number",
  "jobStatus.checkpointInfo.lastPeriodicCheckpointTimestamp": "number",
  error: "text",
  observedGeneration: "number",
  lifecycleState: LIFECYCLES,
  "reconciliationStatus.reconciliationTimestamp": "number",
  "reconciliationStatus.lastReconciledSpec": "text",
  "reconciliationStatus.lastStableSpec": "text",
  "reconciliationStatus.state": "DEPLOYED UPGRADING ROLLING_BACK ROLLED_BACK",
  jobManagerDeploymentStatus: "READY DEPLOYED_NOT_READY DEPLOYING MISSING ERROR",
  "taskManager.labelSelector": "text",
  "taskManager.replicas": "number",
};

/**
 * Maps and lists, whose content has no fixed fields; and what the Apache operator's CRD does not have, so that the API
 * server drops it as soon as that CRD is installed again.
 */
const OPEN = [
  "clusterInfo",
  "conditions",
  "jobStatus.savepointInfo.savepointHistory",
  "jobStatus.recoveryInfo",
  "history",
];

function fits(value: unknown, type: string): boolean {
  if (type === "text") return typeof value === "string";
  if (type === "number") return Number.isInteger(value);
  return type.split(" ").includes(String(value));
}

/** What of a status Java's classes could not hold. */
export function unreadable(value: unknown, path = ""): string[] {
  if (value === null || value === undefined || OPEN.includes(path)) return [];
  if (isObject(value) && FIELDS[path] === undefined) {
    return Object.entries(value).flatMap(([name, child]) =>
      unreadable(child, path === "" ? name : `${path}.${name}`),
    );
  }
  const type = FIELDS[path];
  if (type === undefined) return [`${path} is unknown`];
  return fits(value, type) ? [] : [`${path} is ${JSON.stringify(value)}`];
}

interface Record1_9 {
  readonly spec: Json;
  readonly firstDeployment: boolean | undefined;
}

/** The recorded spec in its three forms (1.9). */
export function readRecord(text: string | undefined): Record1_9 | undefined {
  if (text === undefined) return undefined;
  const parsed = JSON.parse(text) as Json;
  const meta = parsed["resource_metadata"];
  if (meta === undefined) {
    const spec = Object.fromEntries(Object.entries(parsed).filter(([name]) => name !== "apiVersion"));
    return { spec, firstDeployment: undefined };
  }
  return {
    spec: parsed["spec"] as Json,
    firstDeployment: (meta as { firstDeployment?: boolean }).firstDeployment,
  };
}

/** `{"a.b": 1}` and `{a: {b: 1}}` alike (1.2). */
function flatten(value: unknown, prefix: string, into: Record<string, string>): Record<string, string> {
  if (isObject(value)) {
    for (const [key, child] of Object.entries(value))
      flatten(child, prefix === "" ? key : `${prefix}.${key}`, into);
  } else if (Array.isArray(value)) into[prefix] = value.map(String).join(";");
  else if (value !== null && value !== undefined) into[prefix] = `${value as string | number | boolean}`;
  return into;
}

/** As an object of Java's classes compares: null is absent, quantities are texts, empty lists are not kept. */
function comparable(value: unknown): unknown {
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return value.map(comparable);
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(
    ([, child]) => child !== null && child !== undefined && !(Array.isArray(child) && child.length === 0),
  );
  const sorted = kept.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, child]) => [key, comparable(child)]));
}

function template(value: unknown): unknown {
  if (!isObject(value)) return undefined;
  const metadata = Object.entries((value["metadata"] ?? {}) as Json).filter(
    ([, child]) => !isObject(child) || Object.keys(child).length > 0,
  );
  return { metadata: Object.fromEntries(metadata), spec: value["spec"] };
}

const IGNORED = [
  "job.upgradeMode",
  "job.initialSavepointPath",
  "job.allowNonRestoredState",
  "job.savepointTriggerNonce",
  "job.checkpointTriggerNonce",
  "job.autoscalerResetNonce",
];
const IGNORED_OPTIONS = ["job.autoscaler", "parallelism.default", "kubernetes.operator"];

/** Every field by its path, with Java's defaults (1.2, 1.3). */
function leaves(spec: Json): Map<string, string> {
  const { job, taskManager, flinkConfiguration, jobManager, ...rest } = spec;
  const component = (given: unknown, defaults: Json): Json | undefined =>
    isObject(given) ? { ...defaults, ...given, podTemplate: template(given["podTemplate"]) } : undefined;
  const found: [string, unknown][] = [
    ...Object.entries({ ...rest, podTemplate: template(rest["podTemplate"]) }),
    ["jobManager", component(jobManager, { replicas: 1 })],
    ...Object.entries(component(taskManager, {}) ?? {}).map(([name, value]): [string, unknown] => [
      `taskManager.${name}`,
      value,
    ]),
    ...Object.entries({
      parallelism: 0,
      args: [],
      state: "running",
      upgradeMode: "stateless",
      ...(isObject(job) ? job : {}),
    }).map(([name, value]): [string, unknown] => [`job.${name}`, value]),
    ...Object.entries(flatten(flinkConfiguration, "", {})).map(([name, value]): [string, unknown] => [
      `flinkConfiguration.${name}`,
      value,
    ]),
  ];
  return new Map(
    found
      .map(([path, value]) => [path, JSON.stringify(comparable(value))] as const)
      .filter(
        (entry): entry is [string, string] =>
          entry[1] !== undefined && entry[1] !== "null" && entry[1] !== "{}" && entry[1] !== "[]",
      ),
  );
}

/** Fields of the spec that the Apache operator would act on, as they differ from what is recorded. */
export function wouldChange({ spec, status }: FlinkDeployment): string[] {
  const recorded = readRecord(status?.reconciliationStatus?.lastReconciledSpec);
  if (recorded === undefined) return ["everything"];
  const [before, after] = [leaves(recorded.spec), leaves(spec)];
  const ignored = (path: string): boolean =>
    IGNORED.includes(path) ||
    IGNORED_OPTIONS.some((prefix) => path.startsWith(`flinkConfiguration.${prefix}`));
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => !ignored(path) && before.get(path) !== after.get(path),
  );
}

/** The lifecycle state as it reads it off the rest of the status (1.10). */
export function lifecycleOf({ status = {} }: FlinkDeployment): string {
  const { lifecycleState = "", error, jobStatus, jobManagerDeploymentStatus = "MISSING" } = status;
  const { state, lastReconciledSpec, lastStableSpec } = status.reconciliationStatus ?? {};
  if (lifecycleState.startsWith("DELET")) return lifecycleState;
  const recorded = readRecord(lastReconciledSpec);
  if (recorded === undefined) return error === undefined ? "CREATED" : "FAILED";
  if (state === "UPGRADING" || state === "ROLLING_BACK") return state;
  if ((recorded.spec["job"] as Json)["state"] === "suspended") return "SUSPENDED";
  if (jobStatus?.state === "FAILED") return "FAILED";
  const lost = ["MISSING", "ERROR"].includes(jobManagerDeploymentStatus);
  const final =
    /Manual restore required\.|It is possible that the job has finished|HA metadata is not available/;
  if (lost && final.test(error ?? "")) return "FAILED";
  if (state === "ROLLED_BACK") return "ROLLED_BACK";
  return lastReconciledSpec === lastStableSpec ? "STABLE" : "DEPLOYED";
}
