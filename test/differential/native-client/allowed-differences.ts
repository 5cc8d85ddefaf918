/**
 * Where Sluice may differ from Flink's own client, each with its reason. Everything else has to be equal. A difference
 * that no row shows any more fails the test, so the list stays true.
 */
import type { FlinkVersion } from "../../../src/api/flink-deployment.ts";

export interface Difference {
  /** `kind/name` of the object, then the fields. */
  readonly path: string;
  readonly client: unknown;
  readonly sluice: unknown;
}

export interface AllowedDifference {
  readonly reason: string;
  readonly path: RegExp;
  /** Default: all. */
  readonly versions?: readonly FlinkVersion[];
  /** Narrows it to certain values. */
  readonly when?: (difference: Difference) => boolean;
}

export const allowedDifferences: readonly AllowedDifference[] = [
  {
    reason:
      "The client leaves the namespace of its objects to the connection it sends them over; Sluice's objects are also printed.",
    path: /^[^.]+\.metadata\.namespace$/,
    when: ({ client, sluice }) => client === undefined && typeof sluice === "string",
  },
  {
    reason:
      "Paths on the client's disk. The TaskManager's template reaches the pods as a ConfigMap at a fixed path.",
    path: /^ConfigMap\/flink-config-.*\.options\.kubernetes\.pod-template-file\./,
    when: ({ sluice }) => sluice === undefined,
  },
  {
    reason:
      "Without an image the client takes that of its own release. Sluice is of no Flink release: it takes the newest of the job's version.",
    path: /^Deployment\/.*\.containers\.0\.image$/,
    when: ({ client, sluice }) =>
      /^apache\/flink:\d+\.\d+\.\d+-scala/.test(String(client)) && /^flink:\d+\.\d+$/.test(String(sluice)),
  },
  {
    reason:
      "Flink 1.20 reads config.yaml and flink-conf.yaml. Its client writes the one that it found; Sluice, like the Apache operator, always the one that earlier 1.x know too.",
    path: /^(Deployment\/.*\.volumes\.\d+\.configMap\.items|ConfigMap\/flink-config-.*\.file)/,
    versions: ["v1_20"],
    when: ({ client, sluice }) => client === "config.yaml" && sluice === "flink-conf.yaml",
  },
  {
    reason:
      "Labels of services: the client of 1.20 does not know the option yet, and Sluice needs no newer Flink for it.",
    path: /^Service\/.*\.metadata\.labels\./,
    versions: ["v1_20"],
    when: ({ client }) => client === undefined,
  },
  {
    reason:
      "The option means the common labels too, and the client lets them be overwritten; by these Flink finds its objects.",
    path: /^Service\/.*\.metadata\.labels\.app$/,
    versions: ["v2_2", "v2_3"],
    when: ({ client }) => client === "mine",
  },
  {
    reason:
      "What flink and kubernetes-session.sh note about themselves: how they wait, and their own flags with no value given.",
    path: /^ConfigMap\/flink-config-.*\.options\.(execution\.(attached|shutdown-on-attached-exit|state-recovery\.(claim-mode|ignore-unclaimed-state))|pipeline\.classpaths)$/,
    when: ({ sluice }) => sluice === undefined,
  },
  {
    reason: "Sluice has Kubernetes keep the end of a failed JobManager's log, to say why it failed.",
    path: /^Deployment\/.*\.containers\.\d+\.terminationMessagePolicy$/,
    when: ({ client, sluice }) =>
      (client === undefined || client === "File") && sluice === "FallbackToLogsOnError",
  },
  {
    reason:
      "A Deployment's pods always restart. The client says so in its log and then sends the template's policy, which Kubernetes refuses.",
    path: /^Deployment\/.*\.template\.spec\.restartPolicy$/,
    when: ({ sluice }) => sluice === undefined,
  },
];

/** What is made alike on both sides before the comparison, and why that hides nothing. */
export const normalisations = {
  /** Field to the property that orders it. */
  unordered: {
    env: "name",
    volumes: "name",
    volumeMounts: "mountPath",
    reason:
      "Entries from one map option come in no certain order out of Java's hash map. Entries of one name keep theirs.",
  },
  quantities:
    "1, 1.0 and 1000m are one quantity; the API server stores them as one. Compared to a millionth.",
  empty: "An empty map or list, or a null, is the absence of one, except for the emptyDir of a volume.",
  lists:
    "The program's arguments and jars are compared as Flink itself reads them back, not as the text that they are.",
} as const;
