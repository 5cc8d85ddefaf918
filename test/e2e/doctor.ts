/**
 * Causes of trouble, each made for real with real Flink on real Kubernetes, and named by `sluice doctor`. With
 * SLUICE_RECORD=1 what was looked at is written to test/data/doctor, where unit tests of the rules read it.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { main } from "../../src/cli/main.ts";
import { mergePatch } from "../../src/cli/merge.ts";
import type { Diagnosis } from "../../src/reconcile/diagnosis/diagnose.ts";
import type { Evidence } from "../../src/reconcile/diagnosis/evidence.ts";
import type { KubeObject } from "../../src/api/kube-object.ts";
import { repository } from "../../testbed/lib/paths.ts";
import { type Cluster, Job, until } from "../../testbed/scenario.ts";

export interface Trouble {
  /** The id of the rule. */
  readonly cause: string;
  /** Merged into the spec of the counting job. */
  readonly spec?: object;
  /** Before the job is applied. */
  readonly before?: (job: Job) => Promise<void>;
  /** Once the job runs, merged into its spec. */
  readonly change?: (job: Job) => object;
  /** What doctor is asked about, when it is not the job. */
  readonly name?: string;
}

const inNamespace = (job: Job, args: readonly string[], stdin?: string): Promise<string> =>
  job.cluster.kubectl(["-n", job.namespace, ...args], stdin);

const configuration = (entries: Record<string, string>): object => ({ flinkConfiguration: entries });
const outputOf = (job: Job): string[] => (job.manifest().spec.job?.args ?? []).slice(0, 2);
const podTemplate = (spec: object): object => ({ podTemplate: { spec } });

/** Kubernetes refuses, or says so itself: no Flink runs. */
export const OF_PODS: readonly Trouble[] = [
  { cause: "image-pull", spec: { image: "sluice.test/flink:missing" } },
  {
    cause: "quota-exceeded",
    before: async (job) => void (await inNamespace(job, ["create", "quota", "none", "--hard=pods=0"])),
  },
  { cause: "service-account-missing", spec: { serviceAccount: "nobody" } },
  {
    cause: "pods-refused",
    before: async ({ cluster, namespace }) => {
      const label = "pod-security.kubernetes.io/enforce=restricted";
      await cluster.kubectl(["label", "namespace", namespace, label]);
    },
  },
  {
    cause: "unschedulable",
    spec: { jobManager: { podTemplate: { spec: { nodeSelector: { disk: "none" } } } } },
  },
  {
    cause: "container-configuration",
    spec: podTemplate({
      containers: [
        {
          name: "flink-main-container",
          env: [{ name: "DATABASE", valueFrom: { secretKeyRef: { name: "missing", key: "url" } } }],
        },
      ],
    }),
  },
  {
    cause: "volume-missing",
    spec: podTemplate({
      containers: [{ name: "flink-main-container", volumeMounts: [{ name: "rules", mountPath: "/rules" }] }],
      volumes: [{ name: "rules", configMap: { name: "missing" } }],
    }),
  },
  {
    cause: "oom-killed",
    spec: podTemplate({
      initContainers: [
        {
          name: "prepare",
          image: "sluice.test/flink:2.3",
          imagePullPolicy: "Never",
          command: ["tail", "/dev/zero"],
          resources: { limits: { memory: "32Mi" } },
        },
      ],
    }),
  },
  { cause: "spec-invalid", spec: configuration({ "kubernetes.cluster-id": "x" }) },
  {
    cause: "name-taken",
    before: async (job) =>
      void (await inNamespace(job, [
        "create",
        "deployment",
        job.name,
        "--image=sluice.test/none",
        "--replicas=0",
      ])),
  },
  {
    cause: "session-cluster",
    name: "sessionjob/lonely",
    before: async (job) => {
      const { apiVersion } = job.manifest();
      const spec = {
        deploymentName: "nowhere",
        job: { jarURI: "https://example.com/job.jar", parallelism: 1 },
      };
      const lonely = { apiVersion, kind: "FlinkSessionJob", metadata: { name: "lonely" }, spec };
      await inNamespace(job, ["apply", "-f", "-"], stringify(lonely));
    },
    spec: { job: { state: "suspended" } },
  },
];

const NOWHERE = "s3://no-such-bucket";
const ONE_TRY = {
  "s3.attempts.maximum": "1",
  "s3.retry.limit": "1",
  "s3.connection.establish.timeout": "3000",
};

/** Flink starts, and says what is wrong. */
export const OF_FLINK: readonly Trouble[] = [
  { cause: "rights-missing", spec: { serviceAccount: "default" } },
  { cause: "savepoint-missing", spec: { job: { initialSavepointPath: "s3://flink/none/savepoint-1" } } },
  {
    cause: "incompatible-state",
    change: (job) => ({ job: { args: [...outputOf(job), "--uid-suffix", "-other"] } }),
  },
  {
    cause: "file-system-unknown",
    spec: configuration({ "state.checkpoints.dir": "gs://flink/checkpoints" }),
  },
  {
    cause: "bucket-missing",
    spec: configuration({
      "high-availability.storageDir": `${NOWHERE}/ha`,
      "state.checkpoints.dir": `${NOWHERE}/checkpoints`,
    }),
  },
  { cause: "state-access-denied", spec: configuration({ "s3.secret-key": "wrong", ...ONE_TRY }) },
  {
    cause: "unknown-host",
    spec: configuration({ "s3.endpoint": "http://storage.invalid:9000", ...ONE_TRY }),
  },
  { cause: "state-unreachable", spec: configuration({ "s3.endpoint": "http://10.213.0.1:1", ...ONE_TRY }) },
  { cause: "entry-class-missing", spec: { job: { entryClass: "no.such.Main" } } },
  { cause: "jar-missing", spec: { job: { jarURI: "local:///opt/flink/usrlib/none.jar" } } },
  { cause: "class-missing", spec: configuration({ "state.backend.type": "no.such.StateBackendFactory" }) },
  { cause: "memory-exhausted", spec: configuration({ "jobmanager.memory.jvm-metaspace.size": "16m" }) },
  {
    cause: "no-slots",
    spec: {
      ...configuration({
        "taskmanager.numberOfTaskSlots": "1",
        "slotmanager.number-of-slots.max": "1",
        "slot.request.timeout": "10 s",
      }),
      job: { parallelism: 2 },
    },
  },
  {
    cause: "checkpoint-timeout",
    spec: configuration({
      "execution.checkpointing.timeout": "10 ms",
      "execution.checkpointing.tolerable-failed-checkpoints": "100000",
    }),
  },
  { cause: "main-fails", spec: { job: { args: ["--fail"] } } },
  { cause: "exception", change: (job) => ({ job: { args: [...outputOf(job), "--fail-after", "50"] } }) },
  { cause: "wrong-flink-version", spec: { flinkVersion: "v2_2" } },
];

/** Its first cause, as somebody at a terminal would be told. */
async function ask(job: Job, name: string, save: string): Promise<Diagnosis | string> {
  const out: string[] = [];
  const err: string[] = [];
  async function* nothing(): AsyncGenerator<string> {}
  const { kubeconfigPath } = job.cluster.testbed;
  const place = ["--kubeconfig", kubeconfigPath, "-n", job.namespace];
  const code = await main(["doctor", name, "-o", "json", "--save", save, ...place], {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    stdin: nothing(),
    env: {},
  });
  // A machine that is busy with what others break may not answer in time.
  if (out.length === 0) return `exit code ${code}: ${err.join("")}`;
  return JSON.parse(out.join("")) as Diagnosis;
}

const WORTH_KEEPING = /\b(ERROR|FATAL|WARN)\b|(Exception|Error)\b|^Caused by: |\(Version: /;

function slim({ apiVersion, kind, metadata, status }: KubeObject): KubeObject {
  const { name, labels, creationTimestamp, deletionTimestamp } = metadata;
  const { phase, conditions, containerStatuses, initContainerStatuses } = (status ?? {}) as Record<
    string,
    unknown
  >;
  const kept = { name, ...(labels && { labels }), ...(creationTimestamp && { creationTimestamp }) };
  return {
    apiVersion,
    kind,
    metadata: { ...kept, ...(deletionTimestamp && { deletionTimestamp }) },
    status: { phase, conditions, containerStatuses, initContainerStatuses },
  };
}

/** Enough for the rules, small enough to read. */
function recorded(evidence: Evidence): Evidence {
  const logs = evidence.logs.map((log) => ({
    ...log,
    text: log.text
      .split("\n")
      .filter((line) => WORTH_KEEPING.test(line))
      .slice(-40)
      .join("\n"),
  }));
  const events = evidence.events.slice(-30);
  return {
    ...evidence,
    logs,
    events,
    pods: evidence.pods.map(slim),
    deployments: evidence.deployments.map(slim),
  };
}

const SECONDS = 300;

async function make(job: Job, { before, spec = {}, change }: Trouble): Promise<void> {
  await before?.(job);
  await inNamespace(job, ["apply", "-f", "-"], stringify(mergePatch(job.manifest(), { spec })));
  if (change === undefined) return;
  await job.stable();
  await job.patch(change(job) as Record<string, unknown>);
}

/** Makes the trouble, and waits until doctor names it first. @throws Error with what it named instead */
export async function isNamed(cluster: Cluster, trouble: Trouble): Promise<void> {
  const { cause, name = "counting" } = trouble;
  const job = await Job.create(cluster, { flink: "2.3", upgradeMode: "savepoint" });
  const folder = await mkdtemp(join(tmpdir(), `doctor-${cause}-`));
  const save = join(folder, "evidence.json");
  try {
    await make(job, trouble);
    let last: Diagnosis | string | undefined;
    await until(`doctor says ${cause}`, SECONDS, async () => {
      last = await ask(job, name, save);
      return typeof last !== "string" && last.causes[0]?.id === cause;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}; instead: ${JSON.stringify(last, null, 1)}\nby ${save}`);
    });
    if (process.env["SLUICE_RECORD"] === "1") {
      const data = join(repository, "test/data/doctor");
      await mkdir(data, { recursive: true });
      const evidence = recorded(JSON.parse(await readFile(save, "utf8")) as Evidence);
      await writeFile(join(data, `${cause}.json`), `${JSON.stringify(evidence, null, 1)}\n`);
    }
    await rm(folder, { recursive: true });
  } finally {
    await cluster.kubectl(["delete", "namespace", job.namespace, "--wait=false"]);
  }
}
