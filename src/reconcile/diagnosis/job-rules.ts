/** Causes that are read off the resource and off Flink's answers. */
import { isTerminal } from "../upgrade-mode.ts";
import { errorMessage } from "../status-error.ts";
import { conditionOf, type Evidence, newestFailed, quote, specOf, type Utterance } from "./evidence.ts";
import type { Finding, Rule } from "./rule.ts";

/** Milliseconds after which an operator that is there has looked at a new resource. */
const UNSEEN_MS = 30_000;

function notLookedAt({ now, resource }: Evidence): Finding | undefined {
  const { creationTimestamp = "", finalizers = [] } = resource.metadata;
  const seconds = Math.round((now - Date.parse(creationTimestamp)) / 1000);
  if (resource.status !== undefined || !(seconds * 1000 >= UNSEEN_MS)) return undefined;
  const finalizer = finalizers.length === 0 ? ", and no finalizer" : "";
  return {
    evidence: [
      `${resource.kind} ${resource.metadata.name}: created ${seconds} s ago, and has no status${finalizer}`,
    ],
  };
}

function stalledBecause(evidence: Evidence, reasons: RegExp): Finding | undefined {
  const stalled = conditionOf(evidence, "Stalled");
  if (stalled?.status !== "True" || !reasons.test(stalled.reason)) return undefined;
  return { evidence: [`condition Stalled: ${stalled.reason}: ${stalled.message}`] };
}

function versionOf(text: string | undefined): string | undefined {
  const match = /^(\d+)\.(\d+)/.exec(text ?? "");
  return match ? `v${match[1]}_${match[2]}` : undefined;
}

/** Flink's own word, or the first line of its log. */
function imageVersion({ flink, resource, logs }: Evidence): { version: string; source: string } | undefined {
  const answered = versionOf(flink.config?.ok ? flink.config.value.flinkVersion : undefined);
  if (answered !== undefined) return { version: answered, source: "Flink's REST API" };
  const logged = logs.flatMap(({ pod, text }) => {
    const version = versionOf(/\(Version: (\d+\.\d+\S*),/.exec(text)?.[1]);
    return version === undefined ? [] : [{ version, source: `log of ${pod}` }];
  });
  const known = versionOf(resource.status?.clusterInfo?.["flink-version"]);
  return logged[0] ?? (known === undefined ? undefined : { version: known, source: "status.clusterInfo" });
}

function wrongVersion(evidence: Evidence): Finding | undefined {
  const { image, flinkVersion } = specOf(evidence);
  const found = imageVersion(evidence);
  if (found === undefined || flinkVersion === undefined || found.version === flinkVersion) return undefined;
  return {
    evidence: [
      `spec.flinkVersion is ${flinkVersion}; the image ${image ?? "(default)"} has ${found.version} (${found.source})`,
    ],
    next: `Set spec.flinkVersion: ${found.version}, or take an image with Flink ${flinkVersion.slice(1).replace("_", ".")}.`,
  };
}

function sessionProblem({ resource, session }: Evidence): Finding | undefined {
  if (resource.kind !== "FlinkSessionJob") return undefined;
  const name = resource.spec.deploymentName ?? "";
  if (session === null) return { evidence: [`there is no FlinkDeployment ${name} in the namespace`] };
  const ready = session?.status?.conditions?.find(({ type }) => type === "Ready");
  if (ready?.status !== "False") return undefined;
  return {
    evidence: [`FlinkDeployment ${name} is not Ready: ${ready.reason}: ${ready.message}`],
    next: `Look for its cause first: sluice doctor flinkdep/${name}.`,
  };
}

function failedCheckpoints({ flink }: Evidence, pattern: RegExp): Finding | undefined {
  if (flink.checkpoints?.ok !== true) return undefined;
  const { counts, history } = flink.checkpoints.value;
  const newest = newestFailed(flink.checkpoints.value);
  const failures = [newest, ...history.filter(({ status }) => status === "FAILED")];
  const message = failures.map((one) => one?.failureMessage ?? "").find((text) => pattern.test(text));
  if (newest === undefined || message === undefined) return undefined;
  const timeout = flink.checkpointConfig?.ok ? `, timeout ${flink.checkpointConfig.value.timeout} ms` : "";
  return {
    evidence: [
      `${counts.failed} of ${counts.total} checkpoints failed, ${counts.completed} completed${timeout}`,
      `checkpoint ${newest.id}: ${message.split("\n")[0] ?? ""}`,
    ],
  };
}

/** A checkpoint that expired also shows as what then fails the job. */
function expiredCheckpoints(evidence: Evidence, said: readonly Utterance[]): Finding | undefined {
  const found = failedCheckpoints(evidence, /expired/i);
  const words = said
    .filter(({ text }) => /Checkpoint.*expired before completing/i.test(text))
    .map((one) => quote(one));
  if (found === undefined && words.length === 0) return undefined;
  return { evidence: [...(found?.evidence ?? []), ...words] };
}

function otherCheckpointFailures(evidence: Evidence, said: readonly Utterance[]): Finding | undefined {
  const found = failedCheckpoints(evidence, /./);
  const words = said
    .filter(({ text }) => /checkpoint.*(tolerable failure|declined)|Exceeded checkpoint/i.test(text))
    .map((one) => quote(one));
  if (found === undefined && words.length === 0) return undefined;
  return { evidence: [...(found?.evidence ?? []), ...words] };
}

const HIGH_RATIO = 0.5;

const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`;

function backPressured({ flink }: Evidence): Finding | undefined {
  if (flink.pressure?.ok !== true) return undefined;
  const vertices = flink.pressure.value;
  const pressed = vertices.filter(({ backPressured }) => backPressured >= HIGH_RATIO);
  if (pressed.length === 0) return undefined;
  const busiest = vertices.toSorted((a, b) => b.busy - a.busy)[0];
  return {
    evidence: [
      ...(busiest === undefined
        ? []
        : [`${busiest.name}: busy ${percent(busiest.busy)} (parallelism ${busiest.parallelism})`]),
      ...pressed.map(({ name, backPressured }) => `${name}: back-pressured ${percent(backPressured)}`),
    ],
  };
}

const MAIN_FAILED =
  /ProgramInvocationException|ApplicationExecutionException|main method caused an error|Could not execute application|Application failed unexpectedly/;

/** The causes of the same exception, innermost first: logs come newest line first, so they stand before it. */
function mainFailed(_: Evidence, said: readonly Utterance[]): Finding | undefined {
  const at = said.findIndex(({ text }) => MAIN_FAILED.test(text));
  const main = said[at];
  if (main === undefined) return undefined;
  const isCause = (one: Utterance | undefined): boolean =>
    one !== undefined && one.source === main.source && one.text.startsWith("Caused by: ");
  let first = at;
  while (isCause(said[first - 1])) first--;
  let last = at;
  while (isCause(said[last + 1])) last++;
  const causes = [...said.slice(first, at), ...said.slice(at, last + 1).toReversed()];
  return { evidence: causes.map((one) => quote(one)) };
}

function anyException({ resource }: Evidence, said: readonly Utterance[]): Finding | undefined {
  const state = resource.status?.jobStatus?.state;
  if (state === "RUNNING" && !said.some(({ source }) => source === "exception of the job")) return undefined;
  const found = said.filter(({ text }) => /(Exception|Error): |^Caused by: |\b(ERROR|FATAL)\b/.test(text));
  return found.length === 0 ? undefined : { evidence: found.map((one) => quote(one)) };
}

function whatStatusSays(evidence: Evidence): Finding | undefined {
  const ready = conditionOf(evidence, "Ready");
  const error = errorMessage(evidence.resource.status?.error);
  if (ready?.status === "True" && error === undefined) return undefined;
  const lines = [
    ...(ready === undefined || ready.status === "True"
      ? []
      : [`condition Ready: ${ready.reason}: ${ready.message}`]),
    ...(error === undefined ? [] : [`status.error: ${error}`]),
  ];
  return lines.length === 0 ? undefined : { evidence: lines };
}

/** Before anything else: nothing can be said about a job that nobody works on. */
export const resourceRules: readonly Rule[] = [
  {
    id: "no-operator",
    title: "No operator looks at the resource.",
    seen: "The resource has no status half a minute after it was made.",
    why: "The operator does not run, does not watch this namespace, or waits for another that holds its lease.",
    next: "Check the operator: kubectl -n sluice-system get pods; its logs; and the namespaces that it watches.",
    find: notLookedAt,
  },
  {
    id: "spec-invalid",
    title: "The spec is not valid.",
    seen: "Condition Stalled with reason ValidationError or Unsupported. What ran before goes on.",
    why: "A field has a value that cannot be deployed.",
    next: "Mend the field that the message names; `sluice validate -f job.yaml` says all of them with their lines.",
    find: (evidence) => stalledBecause(evidence, /^(ValidationError|Unsupported)$/),
  },
  {
    id: "name-taken",
    title: "Something else in the namespace has the cluster's name.",
    seen: "Condition Stalled with reason NameTaken or ClusterExists.",
    why: "A Deployment of that name was there before; Sluice changes nothing that is not its own.",
    next: "Give the FlinkDeployment another name, or delete the Deployment if nobody needs it.",
    find: (evidence) => stalledBecause(evidence, /^(NameTaken|ClusterExists)$/),
  },
  {
    id: "state-of-another",
    title: "An earlier cluster of this name left state behind.",
    seen: "Condition Stalled with reason HaMetadataExists.",
    why: "The job would start empty although HA metadata with checkpoints is there.",
    next: "Set spec.job.initialSavepointPath to the state to start from, or delete the ConfigMaps that the message names to start empty.",
    find: (evidence) => stalledBecause(evidence, /^HaMetadataExists$/),
  },
  {
    id: "pods-stuck",
    title: "Pods of the old cluster do not end.",
    seen: "Condition Stalled with reason PodsStuckTerminating.",
    why: "Their node is lost or hangs. A second cluster beside them could write twice.",
    next: "If the node certainly is gone: the kubectl command in the message.",
    find: (evidence) => stalledBecause(evidence, /^PodsStuckTerminating$/),
  },
  {
    id: "session-cluster",
    title: "The session cluster of the job is missing or not ready.",
    seen: "A FlinkSessionJob whose FlinkDeployment does not exist, or is not Ready.",
    why: "The job runs in that cluster, and waits for it.",
    next: "Create the FlinkDeployment that spec.deploymentName names.",
    find: sessionProblem,
  },
];

/** After what keeps pods from running. */
export const jobRules: readonly Rule[] = [
  {
    id: "wrong-flink-version",
    title: "The image has another Flink than spec.flinkVersion says.",
    seen: "Flink answers, or logs, another version than the spec's.",
    why: "Configuration, state handling and upgrades are made for the version of the spec.",
    next: "Make spec.flinkVersion and the image's Flink the same.",
    find: wrongVersion,
  },
];

/** The job runs, or tries to. */
export const runningRules: readonly Rule[] = [
  {
    id: "checkpoint-timeout",
    title: "Checkpoints do not complete in time.",
    seen: "`Checkpoint expired before completing`.",
    why: "State is too large for the interval and the storage, or back pressure holds the barriers up.",
    next: "Look for back pressure first; then raise execution.checkpointing.timeout, or use incremental or unaligned checkpoints.",
    find: expiredCheckpoints,
  },
  {
    id: "checkpoint-failing",
    title: "Checkpoints fail.",
    seen: "The newest checkpoint of Flink's statistics has failed, or the job fails with `Exceeded checkpoint tolerable failure threshold`.",
    why: "A task could not snapshot or write its state; the message says which.",
    next: "See the message; the state storage, its rights and its space are the usual suspects.",
    find: otherCheckpointFailures,
  },
  {
    id: "main-fails",
    title: "The job's main() fails.",
    seen: "ProgramInvocationException, ApplicationExecutionException or `The main method caused an error`.",
    why: "The program throws while it builds the job: arguments, a connection, or the job itself.",
    next: "Mend what the exception names: spec.job.args, or the code.",
    find: mainFailed,
  },
  {
    id: "back-pressure",
    title: "The job does not keep up: back pressure.",
    seen: "An operator is back-pressured more than half of its time.",
    why: "What comes after it is busy all the time; checkpoints take longer and longer.",
    next: "Give the busiest operator more parallelism (`sluice scale`), or make it cheaper.",
    find: backPressured,
  },
];

/** When nothing better was found. */
export const lastResorts: readonly Rule[] = [
  {
    id: "exception",
    title: "The job fails with an exception of its own.",
    seen: "An exception in Flink's history or in a log that no other rule knows.",
    why: "See the evidence, innermost cause last.",
    next: "Mend what the exception names; `sluice logs` shows what came before it.",
    find: anyException,
  },
  {
    id: "status",
    title: "The job is not where it should be.",
    seen: "Condition Ready is not True, or status.error is set.",
    why: "The operator's own words.",
    next: "See the message; `sluice describe` and `sluice events` show more.",
    find: whatStatusSays,
  },
];

/** Whether anything is wrong, or was a short while ago: logs of a job that runs well hold old troubles. */
export function isTroubled({ resource, flink, now }: Evidence): boolean {
  const { status } = resource;
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  if (status === undefined || ready?.status !== "True" || status.error !== undefined) return true;
  const state = status.jobStatus?.state;
  if (state !== undefined && state !== "RUNNING" && !(isTerminal(state) && state !== "FAILED")) return true;
  const newest = flink.exceptions?.ok ? flink.exceptions.value.history[0]?.timestamp : undefined;
  return newest !== undefined && now - newest < RECENT_MS;
}

const RECENT_MS = 10 * 60_000;
