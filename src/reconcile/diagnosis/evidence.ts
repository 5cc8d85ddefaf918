/** What is known about one job at one moment, for a diagnosis: gathered by the shell, read by the rules. JSON. */
import { withStatusDefaults } from "../../api/defaults.ts";
import type { FlinkDeployment, FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import type {
  CheckpointConfig,
  CheckpointReference,
  CheckpointStatistics,
  ClusterConfig,
  FlinkAnswer,
  JobExceptions,
  JobOverview,
  TaskManager,
  VertexPressure,
} from "../../flink/rest-answers.ts";
import { deployedSpec } from "../last-reconciled-spec.ts";
import { errorMessage } from "../status-error.ts";

export interface EventFact {
  readonly kind: string;
  readonly name: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  /** RFC 3339. */
  readonly time: string;
}

export interface LogTail {
  readonly pod: string;
  readonly component: string;
  /** Of the container that ran before the present one. */
  readonly previous: boolean;
  readonly text: string;
}

/** A FlinkDeployment or FlinkSessionJob; a field that it does not have reads as absent. */
export interface Examined extends KubeObject {
  readonly spec: FlinkDeploymentSpec & { readonly deploymentName?: string };
  readonly status?: FlinkDeployment["status"];
}

export interface Evidence {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly resource: Examined;
  /** The session cluster of a session job; null when there is none. */
  readonly session?: FlinkDeployment | null;
  readonly deployments: readonly KubeObject[];
  readonly pods: readonly KubeObject[];
  /** Oldest first. */
  readonly events: readonly EventFact[];
  readonly logs: readonly LogTail[];
  /** What could not be looked at, and why. */
  readonly unseen?: readonly string[];
  /** An absent answer was not asked for. */
  readonly flink: {
    readonly config?: FlinkAnswer<ClusterConfig>;
    readonly jobs?: FlinkAnswer<readonly JobOverview[]>;
    readonly exceptions?: FlinkAnswer<JobExceptions>;
    readonly checkpoints?: FlinkAnswer<CheckpointStatistics>;
    readonly checkpointConfig?: FlinkAnswer<CheckpointConfig>;
    readonly taskManagers?: FlinkAnswer<readonly TaskManager[]>;
    readonly pressure?: FlinkAnswer<readonly VertexPressure[]>;
  };
}

/** One line that somebody said, and who. */
export interface Utterance {
  readonly source: string;
  readonly text: string;
}

export interface ContainerStatus {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: { readonly reason?: string; readonly message?: string; readonly exitCode?: number };
}

export function componentOf(pod: KubeObject): string {
  return pod.metadata.labels?.["component"] ?? "pod";
}

export function containersOf(pod: KubeObject): readonly ContainerStatus[] {
  const { initContainerStatuses = [], containerStatuses = [] } = (pod["status"] ?? {}) as {
    initContainerStatuses?: ContainerStatus[];
    containerStatuses?: ContainerStatus[];
  };
  return [...initContainerStatuses, ...containerStatuses];
}

/** Pods that are to run: not those that are going. */
export function livePods({ pods }: Evidence): readonly KubeObject[] {
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

export function conditionOf({ resource }: Evidence, type: string) {
  return resource.status?.conditions?.find((one) => one.type === type);
}

/** The spec that runs, or is to run. */
export function specOf({ resource }: Evidence): Examined["spec"] {
  const { reconciliationStatus } = withStatusDefaults(resource.status);
  return deployedSpec(reconciliationStatus)?.spec ?? resource.spec;
}

const TELLING = /\b(ERROR|FATAL|WARN)\b|(Exception|Error)\b|^Caused by: /;
/** What a log says at these levels is no complaint, even when it names an exception. */
const CALM = /^\S+ \S+ (INFO|DEBUG|TRACE)\b/;
/** A frame of a stack trace. */
const FRAME = /^\s+at |^\s*\.\.\. \d+ (more|common frames)/;

function tellingLines(text: string): string[] {
  return text.split("\n").filter((line) => TELLING.test(line) && !CALM.test(line) && !FRAME.test(line));
}

const MAX_LINE = 2000;

function cut(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ").slice(0, MAX_LINE);
}

/** Undefined when a newer one has completed: what failed before that is over. */
export function newestFailed({ latest }: CheckpointStatistics): CheckpointReference | undefined {
  return (latest.completed?.id ?? -1) > (latest.failed?.id ?? -1) ? undefined : latest.failed;
}

function fromFlink({ flink }: Evidence): Utterance[] {
  const { exceptions, checkpoints } = flink;
  const traces = exceptions?.ok
    ? [
        ...exceptions.value.history
          .flatMap((one) => [one, ...(one.concurrent ?? [])])
          .map((one) => one.stacktrace),
        exceptions.value.rootException ?? "",
      ]
    : [];
  const failed = checkpoints?.ok ? newestFailed(checkpoints.value)?.failureMessage : undefined;
  return [
    ...traces.flatMap((trace) =>
      tellingLines(trace).map((text) => ({ source: "exception of the job", text })),
    ),
    ...(failed === undefined ? [] : [{ source: "last failed checkpoint", text: failed }]),
  ];
}

function fromContainers(evidence: Evidence): Utterance[] {
  return livePods(evidence).flatMap((pod) =>
    containersOf(pod).flatMap(({ name, state, lastState }) =>
      [state?.terminated, lastState?.terminated].flatMap((ended) => {
        const lines = (ended?.message ?? "")
          .split("\n")
          .filter((line) => line.trim() !== "" && !FRAME.test(line));
        return lines.map((text) => ({ source: `last words of ${pod.metadata.name}[${name}]`, text }));
      }),
    ),
  );
}

function fromLogs({ logs }: Evidence): Utterance[] {
  return logs.flatMap(({ pod, previous, text }) =>
    tellingLines(text)
      .toReversed()
      .map((line) => ({ source: `log of ${pod}${previous ? " (before its restart)" : ""}`, text: line })),
  );
}

/** Everything that was said about what is wrong, the most telling sources first, each line once. */
export function utterances(evidence: Evidence): readonly Utterance[] {
  const { resource, events } = evidence;
  const warnings = events.filter(({ type }) => type === "Warning").toReversed();
  const status = errorMessage(resource.status?.error);
  const ready = conditionOf(evidence, "Ready");
  const all: Utterance[] = [
    ...fromFlink(evidence),
    ...fromContainers(evidence),
    ...fromLogs(evidence),
    ...(status === undefined ? [] : [{ source: "status.error", text: status }]),
    ...(ready?.status === "False"
      ? [{ source: "condition Ready", text: `${ready.reason}: ${ready.message}` }]
      : []),
    ...warnings.map(({ kind, name, reason, message }) => ({
      source: `event of ${kind.toLowerCase()}/${name}`,
      text: `${reason}: ${message}`,
    })),
  ].map(({ source, text }) => ({ source, text: cut(text) }));
  const seen = new Set<string>();
  return all.filter(({ text }) => !seen.has(text) && seen.add(text));
}

const MAX_QUOTE = 300;

/** Who said it, and what; of a long line the part around what tells. */
export function quote({ source, text }: Utterance, telling?: RegExp): string {
  if (text.length <= MAX_QUOTE) return `${source}: ${text}`;
  const at = Math.max(0, (telling?.exec(text)?.index ?? 0) - MAX_QUOTE / 3);
  const part = text.slice(at, at + MAX_QUOTE);
  const [before, after] = [at > 0 ? "..." : "", at + MAX_QUOTE < text.length ? "..." : ""];
  return `${source}: ${before}${part}${after}`;
}
