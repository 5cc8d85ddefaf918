/**
 * The operator as a process, on a real API server and scripted JobManagers, and resources of all its kinds that are
 * almost right: created, edited, deleted. It does not end, no pass hangs or fails by a defect of its own, whatever is
 * refused is refused with a field's name, what is valid is deployed, and in the end everything is gone.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as fc from "fast-check";
import { stringify } from "yaml";
import { afterAll, beforeAll, expect, test } from "vitest";
import { API_VERSION, FLINK_DEPLOYMENT } from "../../../src/api/flink-deployment.ts";
import { FLINK_SESSION_JOB } from "../../../src/api/flink-session-job.ts";
import { FLINK_STATE_SNAPSHOT } from "../../../src/api/flink-state-snapshot.ts";
import type { Condition, KubeObject } from "../../../src/api/kube-object.ts";
import { KubeClient } from "../../../src/kube/client.ts";
import {
  DEPLOYMENTS,
  FLINK_DEPLOYMENTS,
  FLINK_SESSION_JOBS,
  FLINK_STATE_SNAPSHOTS,
  type ResourceType,
} from "../../../src/kube/resource-type.ts";
import { errorMessage } from "../../../src/reconcile/status-error.ts";
import { validateResource } from "../../../src/reconcile/validation/any-kind.ts";
import { anyManifest, editedSpec } from "../../../testbed/gen/any-manifest.ts";
import { flinkSpec } from "../../../testbed/gen/flink-deployment.ts";
import { sessionJob } from "../../../testbed/gen/session.ts";
import { repository } from "../../../testbed/lib/paths.ts";
import { waitFor } from "../../../testbed/lib/wait.ts";
import { ScriptedFleet } from "../../../testbed/scripted-fleet.ts";
import { apiTestbed } from "../../support/api-testbed.ts";
import { freePort, installRights, kubeconfigOf, ownFolder } from "../../support/operator.ts";
import { accessTo } from "../kube/support.ts";

/** Specs, half of them created and half of them edits of those. `make test-full` takes the whole number, which takes minutes. */
const MANY = process.env["SLUICE_TEST_OFTEN"] === "1" ? 10_000 : 240;
const TOTAL = Number(process.env["FUZZ"] ?? MANY);
const SEED = Number(process.env["FUZZ_SEED"] ?? 20_261_126);
/** So many are there at once, of each kind. */
const BATCH = 100;
/** Milliseconds. A busy machine takes a while for a hundred clusters; what hangs, hangs for longer. */
const deadline = 300_000;

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly key?: string;
  readonly error?: string;
  readonly message?: string;
}

interface Subject {
  readonly type: ResourceType;
  readonly samples: fc.Arbitrary<Record<string, unknown>>;
}

type Resource = KubeObject & {
  readonly spec?: Record<string, unknown>;
  readonly status?: {
    readonly error?: string;
    readonly state?: string;
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
  };
};

let client: KubeClient;
let namespace: string;
let fleet: ScriptedFleet;
let operator: ChildProcess;
let healthPort: number;
let removeFolder: () => Promise<void>;
const lines: Line[] = [];
let stderr = "";
let end: string | undefined;

const specOf = (manifest: fc.Arbitrary<KubeObject>): fc.Arbitrary<Record<string, unknown>> =>
  manifest.map((one) => (one["spec"] ?? {}) as Record<string, unknown>);

function subjects(): Subject[] {
  const application = flinkSpec();
  const { job: _, ...session } = application;
  const { spec: ofSession } = sessionJob();
  const { jarURI: __, ...job } = ofSession.job ?? {};
  const inSession = { deploymentName: "session-0", job: { ...job, entryClass: "Main" } };
  const ofJob = { jobReference: { kind: "FlinkSessionJob", name: "job-0" }, savepoint: {} };
  const ofApplication = { jobReference: { kind: "FlinkDeployment", name: "app-0" }, checkpoint: {} };
  const mixed = (kind: typeof FLINK_DEPLOYMENT, ...valid: object[]): fc.Arbitrary<Record<string, unknown>> =>
    fc.oneof(
      { arbitrary: specOf(anyManifest(kind)), weight: 1 },
      ...valid.map((spec) => ({ arbitrary: editedSpec(kind, spec), weight: 3 })),
    );
  return [
    { type: FLINK_DEPLOYMENTS, samples: mixed(FLINK_DEPLOYMENT, application, session) },
    { type: FLINK_SESSION_JOBS, samples: mixed(FLINK_SESSION_JOB, inSession) },
    { type: FLINK_STATE_SNAPSHOTS, samples: mixed(FLINK_STATE_SNAPSHOT, ofJob, ofApplication) },
  ];
}

async function start(kubeconfig: string, configFile: string): Promise<void> {
  healthPort = await freePort();
  const loader = join(repository, "test/support/local-names.ts");
  const args = ["--disable-warning=ExperimentalWarning", "--import", loader];
  const place = ["--kubeconfig", kubeconfig, "-n", namespace, "--config", configFile];
  const rest = ["--flink-rest", "direct", "--health-port", String(healthPort)];
  operator = spawn(
    process.execPath,
    [...args, join(repository, "src/cli/main.ts"), "operator", ...place, ...rest],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  operator.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  if (operator.stdout === null) throw new Error("no output");
  createInterface({ input: operator.stdout }).on("line", (line) => lines.push(JSON.parse(line) as Line));
  operator.on("close", (code, signal) => (end = signal ?? String(code)));
  await waitFor("the operator to act", () => lines.some(({ msg }) => msg === "operator acts"), {
    deadline,
    alive,
  });
}

function alive(): void {
  if (end !== undefined) throw new Error(`the operator ended: ${end}\n${stderr}`);
}

beforeAll(async () => {
  const api = apiTestbed();
  namespace = await api.freshNamespace("any-resource");
  let folder: string;
  [folder, removeFolder] = await ownFolder();
  await installRights(api);
  await api.kubectl(["-n", namespace, "create", "serviceaccount", "flink"]);
  const kubeconfig = await kubeconfigOf(api, folder, { namespace: "sluice-system", name: "sluice-operator" });
  client = new KubeClient(accessTo(api));
  // Hundreds of pods at a time: a look costs the API server more than it does in other tests.
  const size = { sessions: 1, jobsEach: 1, applications: 1, pause: 500 };
  fleet = await ScriptedFleet.start(client, namespace, size);
  const configFile = join(folder, "operator.yaml");
  const configuration = {
    "rest.port": String(fleet.port),
    "kubernetes.operator.observer.progress-check.interval": "300 ms",
    "kubernetes.operator.reconcile.interval": "5 s",
  };
  await writeFile(configFile, stringify(configuration));
  await start(kubeconfig, configFile);
  await fleet.untilStable(deadline);
});

afterAll(async () => {
  operator.kill("SIGTERM");
  await waitFor("the operator to end", () => end !== undefined, { deadline: 30_000 });
  await fleet.close();
  await client.close();
  await removeFolder();
  expect(end).toBe("0");
});

const FIELD = /(?:^|: |\s)(?:spec|metadata)(\.[\w-]+|\[\d+\]|\["(?:[^"\\]|\\.)*"\])*: \S/;
/** The API server's own words. */
const SCHEMA = /is invalid: .*(?<![-\w])(spec|metadata)\b/;

interface Made {
  readonly type: ResourceType;
  readonly name: string;
}

const counts = { created: 0, refused: 0, invalid: 0, deployed: 0, edits: 0, editsRefused: 0 };
const phases: Record<string, number> = {};
async function timed<T>(phase: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  phases[phase] = (phases[phase] ?? 0) + Math.round(performance.now() - began);
  return result;
}
const reasons = new Map<string, number>();
const told = new Map<string, string>();

/** Names that the API server takes, and a cluster cannot have. */
const ODD: readonly (string | undefined)[] = [
  undefined,
  "-long".repeat(12),
  undefined,
  ".dot.ted",
  "-very".repeat(45),
];

async function create({ type }: Subject, spec: Record<string, unknown>, nth: number): Promise<Made[]> {
  // The testbed's Flink starts the job of what is called so.
  const prefix = type === FLINK_DEPLOYMENTS && spec["job"] ? "app-any" : "any";
  const name = `${prefix}-${type.plural.slice(5, 8)}${ODD[nth % 20] ?? ""}-${nth}`;
  const object = { apiVersion: API_VERSION, kind: type.kind, metadata: { name, namespace }, spec };
  const refusal = await client.create<KubeObject>(type, object).then(
    () => undefined,
    (error: unknown) => String(error),
  );
  counts[refusal === undefined ? "created" : "refused"]++;
  if (refusal === undefined) return [{ type, name }];
  expect(refusal).toMatch(SCHEMA);
  return [];
}

async function edit({ type, name }: Made, spec: Record<string, unknown>): Promise<void> {
  const patch = [{ op: "replace", path: "/spec", value: spec }];
  const refusal = await client.patch(type, namespace, name, patch, { kind: "json" }).then(
    () => undefined,
    (error: unknown) => String(error),
  );
  counts[refusal === undefined ? "edits" : "editsRefused"]++;
  if (refusal !== undefined) expect(refusal).toMatch(SCHEMA);
}

interface Found {
  readonly resource: Resource;
  /** Of the newest spec. */
  readonly conditions: ReadonlyMap<string, Condition>;
}

async function look({ type }: Pick<Made, "type">): Promise<Map<string, Found>> {
  const { items } = await client.list<Resource>(type, { namespace });
  return new Map(
    items.map((resource) => {
      const { generation } = resource.metadata;
      const current = (resource.status?.conditions ?? []).filter(
        ({ observedGeneration }) => observedGeneration === generation,
      );
      return [
        resource.metadata.name,
        { resource, conditions: new Map(current.map((one) => [one.type, one])) },
      ];
    }),
  );
}

/** What the operator has come to about the newest spec; undefined while that is open. */
function outcomeOf({ resource, conditions }: Found, deployments: ReadonlySet<string>): string | undefined {
  const { kind, metadata, status } = resource;
  if (kind === "FlinkStateSnapshot") {
    const state = status?.state;
    if (status?.error !== undefined) return `${state}: ${errorMessage(status.error) ?? ""}`;
    return state === "COMPLETED" || state === "ABANDONED" ? state : undefined;
  }
  const stalled = conditions.get("Stalled");
  if (stalled?.status === "True") return `${stalled.reason}: ${stalled.message}`;
  const ready = conditions.get("Ready");
  if (ready === undefined) return undefined;
  if (ready.status === "True") return ready.reason;
  if (kind === "FlinkDeployment") return deployments.has(metadata.name) ? "Deployed" : undefined;
  return ready.reason === "Starting" ? undefined : ready.reason;
}

async function outcomes(made: readonly Made[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let open: string[] = [];
  const settled = async (): Promise<boolean> => {
    const { items } = await client.list<KubeObject>(DEPLOYMENTS, { namespace });
    const deployments = new Set(items.map(({ metadata }) => metadata.name));
    open = [];
    for (const { type } of subjects()) {
      const there = await look({ type });
      for (const { name } of made.filter((one) => one.type === type)) {
        const one = there.get(name);
        const outcome = one && outcomeOf(one, deployments);
        if (outcome === undefined) open.push(`${name} ${JSON.stringify(one?.resource)}`);
        else found.set(name, outcome);
      }
    }
    return open.length === 0;
  };
  await waitFor("an outcome of each", settled, { deadline, interval: 1000, alive }).catch(
    (error: unknown) => {
      throw new Error(`${String(error)}: ${open.length} open: ${open.slice(0, 3).join("\n")}`);
    },
  );
  for (const [name, outcome] of found) {
    const reason = `${name.replace(/^((?:app-)?any-...).*/, "$1")} ${outcome.split(":")[0] ?? ""}`;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    told.set(`${reason} ${outcome.slice(0, 60)}`, outcome);
  }
  return found;
}

/** Of what was just created: whether the same library finds it wrong. */
async function expectedInvalid(made: readonly Made[]): Promise<Map<string, string>> {
  const wrong = new Map<string, string>();
  const sessions = await look({ type: FLINK_DEPLOYMENTS });
  for (const { type } of subjects()) {
    const there = await look({ type });
    for (const { name } of made.filter((one) => one.type === type)) {
      const resource = there.get(name)?.resource;
      if (resource === undefined) continue;
      const session = sessions.get(String(resource.spec?.["deploymentName"]))?.resource;
      const findings = validateResource(resource, { operator: {}, session: session as never });
      const first = findings.find(({ severity }) => severity === "error");
      if (first !== undefined) wrong.set(name, `${first.path}: ${first.message}`);
    }
  }
  return wrong;
}

async function remove(made: readonly Made[]): Promise<void> {
  await Promise.all(made.map(({ type, name }) => client.delete(type, namespace, name)));
  let left: string[] = [];
  let last: string[] = [];
  const gone = async (): Promise<boolean> => {
    if (left.length > 0) last = left;
    left = [];
    for (const { type } of subjects()) {
      for (const [name, { resource }] of await look({ type }))
        if (made.some((one) => one.name === name)) left.push(JSON.stringify(resource));
    }
    return left.length === 0;
  };
  await waitFor("all to be gone", gone, { deadline, interval: 1000, alive }).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${left.length} left: ${left.slice(0, 3).join("\n")}`);
  });
  if (process.env["FUZZ_TOLD"] === "1") console.log("last to go", last.length, last.slice(0, 3).join("\n"));
}

/** Of a defect, or of a request that nobody should have made. */
const DEFECT =
  /TypeError|RangeError|ReferenceError|SyntaxError|Cannot read|is not a function|not iterable|[Uu]nhandled|undefined|\[object/;

/** Somebody else wrote first, or the API server of a busy machine was slow: the pass is tried again, as it should be. */
const OUTSIDE = /conflict|being deleted|object has been modified|no answer within/i;

function expectNoDefect(): void {
  alive();
  expect(stderr).toBe("");
  const defects = lines.filter((line) => DEFECT.test(JSON.stringify(line)));
  expect(defects.slice(0, 3)).toEqual([]);
  const failed = lines.filter(({ msg }) => msg === "pass failed, trying again");
  expect(failed.filter(({ error = "" }) => !OUTSIDE.test(error)).slice(0, 3)).toEqual([]);
}

async function longestPass(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
  const running = [...text.matchAll(/^workqueue_longest_running_processor_seconds\{[^}]*\} (\S+)/gm)];
  return Math.max(0, ...running.map(([, seconds]) => Number(seconds)));
}

test(
  `${TOTAL} specs that are almost right are created, edited and deleted`,
  { timeout: 3_600_000 },
  async () => {
    const kinds = subjects();
    const each = Math.ceil(TOTAL / 2 / kinds.length);
    const samples = kinds.map((kind, nth) =>
      fc.sample(kind.samples, { numRuns: 2 * each, seed: SEED + nth }),
    );
    let longest = 0;
    for (let from = 0; from < each; from += BATCH) {
      const to = Math.min(from + BATCH, each);
      const made: Made[] = [];
      await timed("create", async () => {
        const making = kinds.map(async (kind, nth) => {
          for (let one = from; one < to; one++)
            made.push(...(await create(kind, samples[nth]?.[one] ?? {}, one)));
        });
        await Promise.all(making);
      });
      const wrong = await expectedInvalid(made);
      const first = await timed("outcomes", () => outcomes(made));
      counts.invalid += wrong.size;
      for (const [name, outcome] of first) {
        if (wrong.has(name)) expect(`${name}: ${outcome}`).toMatch(FIELD);
        else expect(outcome, name).not.toContain("ValidationError");
        if (!wrong.has(name) && /^(Deployed|Running|Ready)/.test(outcome)) counts.deployed++;
      }
      await timed("edit", async () => {
        for (const one of made) {
          const nth = kinds.findIndex(({ type }) => type === one.type);
          const index = each + from + (Number(one.name.split("-").at(-1)) % BATCH);
          await edit(one, samples[nth]?.[index] ?? {});
        }
      });
      await timed("edited", () => outcomes(made));
      longest = Math.max(longest, await longestPass());
      await timed("gone", () => remove(made));
      expectNoDefect();
      if (to < each)
        console.log(`${counts.created + counts.refused + counts.edits + counts.editsRefused} specs`);
    }
    console.log(
      phases,
      counts,
      Object.fromEntries(reasons),
      `longest pass under way ${longest.toFixed(1)} s`,
    );
    if (process.env["FUZZ_TOLD"] === "1") console.log([...told.values()].join("\n"));
    expect(fleet.violations).toEqual([]);
    expect(longest).toBeLessThan(30);
    expect(counts.invalid).toBeGreaterThan(TOTAL / 10);
    expect(counts.deployed).toBeGreaterThan(TOTAL / 20);
  },
);

test(
  "names that no cluster can have, and no request, are refused like any other",
  { timeout: 600_000 },
  async () => {
    const long = "x".repeat(200);
    const make = async (type: ResourceType, name: string, spec: object): Promise<Made> => {
      await client.create<KubeObject>(type, {
        apiVersion: API_VERSION,
        kind: type.kind,
        metadata: { name, namespace },
        spec,
      });
      return { type, name };
    };
    const inNoCluster = (deploymentName: string): object => ({ ...sessionJob().spec, deploymentName });
    const ofNoJob = (kind: string): object => ({ jobReference: { kind, name: ".." }, savepoint: {} });
    const made = [
      await make(FLINK_DEPLOYMENTS, long, flinkSpec()),
      await make(FLINK_SESSION_JOBS, "path", inNoCluster("a/../b")),
      await make(FLINK_SESSION_JOBS, "parent", inNoCluster("..")),
      await make(FLINK_SESSION_JOBS, "terms", inNoCluster("session-0,app!=x")),
      await make(FLINK_STATE_SNAPSHOTS, "of-deployment", ofNoJob("FlinkDeployment")),
      await make(FLINK_STATE_SNAPSHOTS, "of-job", ofNoJob("FlinkSessionJob")),
      await make(FLINK_DEPLOYMENTS, "old", { ...flinkSpec(), flinkVersion: "v1_14" }),
    ];
    const found = await outcomes(made);
    expect(found.get(long)).toContain("metadata.name: must have at most 45 characters");
    for (const name of ["path", "parent", "terms"])
      expect(found.get(name), name).toContain("spec.deploymentName: must be lower case letters");
    for (const name of ["of-deployment", "of-job"])
      expect(found.get(name), name).toContain("spec.jobReference: Flink");
    expect(found.get("old")).toContain("spec.flinkVersion: ");
    await remove(made);
    expectNoDefect();
  },
);
