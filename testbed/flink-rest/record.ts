/**
 * Writes down what real Flink answers in each situation: `node testbed/flink-rest/record.ts [1.20] [2.2] [2.3]`. About
 * two minutes a version. The recordings are committed; record again when a Flink version changes.
 */
import { existsSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { waitFor } from "../lib/wait.ts";
import {
  buildScriptedJob,
  flinkHome,
  type LocalFlink,
  startFlink,
  type Version,
  versions,
} from "./local-flink.ts";
import { normalise } from "./normalise.ts";
import {
  APPLICATION,
  JAR,
  JOB,
  OTHER_TRIGGER,
  type Recorded,
  recordingFile,
  type Situation,
  TRIGGER,
  UNKNOWN,
} from "./recordings.ts";
import { checkpointing, newId, Stage, upload } from "./stage.ts";

const deadline = 60_000;
const unwritable = "file:///dev/null/savepoints";

interface Answer {
  readonly status: number;
  // Foreign JSON, looked at here and there.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

async function send(flink: LocalFlink, method: string, path: string, body?: object): Promise<Answer> {
  const answer = await request(flink.url + path, {
    method: method as "GET",
    signal: AbortSignal.timeout(30_000),
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const text = await answer.body.text();
  return { status: answer.statusCode, body: text === "" ? {} : JSON.parse(text) };
}

/** One situation of one job. */
class Take {
  readonly jobId: string;
  readonly trigger: string = newId();
  readonly otherTrigger: string = newId();
  private readonly flink: LocalFlink;
  private readonly version: Version;
  private readonly names: Map<string, string>;
  private readonly began: number = Date.now();
  private calls: { readonly name: string; readonly answer: Answer }[] = [];

  constructor(flink: LocalFlink, version: Version, jobId: string) {
    this.flink = flink;
    this.version = version;
    this.jobId = jobId;
    this.names = new Map([
      [flink.folder, "/flink"],
      [jobId, JOB],
      [this.trigger, TRIGGER],
      [this.otherTrigger, OTHER_TRIGGER],
    ]);
  }

  standsFor(real: string, name: string): void {
    this.names.set(real, name);
  }

  async call(method: string, path: string, body?: object): Promise<Answer> {
    const answer = await send(this.flink, method, path, body);
    this.calls.push({ name: `${method} ${path}`, answer });
    return answer;
  }

  note(name: string, answer: Answer): void {
    this.calls.push({ name, answer });
  }

  async ask(method: string, path = "", body?: object): Promise<Answer> {
    return this.call(method, `/jobs/${this.jobId}${path}`, body);
  }

  /** What observation reads. */
  async observe(): Promise<void> {
    await this.call("GET", "/jobs/overview");
    await this.call("GET", "/applications/overview");
    for (const path of ["/checkpoints", "/checkpoints/config", "/exceptions?maxExceptions=10"]) {
      await this.ask("GET", path);
    }
    await this.ask("GET", "/execution-result");
  }

  async until(what: string, path: string, holds: (answer: Answer) => boolean): Promise<Answer> {
    return waitFor(
      what,
      async () => {
        const answer = await send(this.flink, "GET", path);
        return holds(answer) ? answer : undefined;
      },
      { deadline },
    );
  }

  async untilState(state: string): Promise<void> {
    await this.until(`state ${state}`, "/jobs/overview", ({ body }) =>
      body.jobs?.some((job: { jid: string; state: string }) => job.jid === this.jobId && job.state === state),
    );
  }

  async untilCheckpoint(): Promise<void> {
    const path = `/jobs/${this.jobId}/checkpoints`;
    await this.until("a checkpoint", path, ({ body }) => body.counts?.completed > 0);
  }

  async untilSnapshotBegins(): Promise<void> {
    const path = `/jobs/${this.jobId}/checkpoints`;
    await this.until("the savepoint to begin", path, ({ body }) => body.counts?.in_progress > 0);
  }

  async untilException(): Promise<void> {
    const path = `/jobs/${this.jobId}/exceptions`;
    await this.until("an exception", path, ({ body }) => body.exceptionHistory?.entries.length > 0);
  }

  async untilOver(trigger: string, kind = "savepoints"): Promise<void> {
    const path = `/jobs/${this.jobId}/${kind}/${trigger}`;
    await this.until("the operation to end", path, ({ body }) => body.status?.id === "COMPLETED");
  }

  savepoint(trigger: string, target = `file://${this.flink.folder}/savepoints`): Promise<Answer> {
    const body = {
      "target-directory": target,
      "cancel-job": false,
      formatType: "CANONICAL",
      triggerId: trigger,
    };
    return this.ask("POST", "/savepoints", body);
  }

  stop(trigger: string, target = `file://${this.flink.folder}/savepoints`): Promise<Answer> {
    const body = { targetDirectory: target, drain: false, formatType: "CANONICAL", triggerId: trigger };
    return this.ask("POST", "/stop", body);
  }

  /** Of calls made more than once, the last is kept. */
  async save(situation: Situation): Promise<void> {
    const context = { names: this.names, began: this.began, ids: new Set(this.names.keys()) };
    const recording = Object.fromEntries(
      this.calls.map(({ name, answer }): [string, Recorded] => [
        normalise(name, context) as string,
        { status: answer.status, body: normalise(answer.body, context) },
      ]),
    );
    const file = recordingFile(this.version, situation);
    await mkdir(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(recording, undefined, 1)}\n`);
    this.calls = [];
    console.log(`  ${this.version} ${situation}`);
  }
}

interface Session {
  readonly stage: Stage;
  readonly version: Version;
  readonly jar: string;
}

async function begin(
  { stage, version }: Session,
  name: string,
  configuration?: Readonly<Record<string, string>>,
  savepointPath?: string,
): Promise<Take> {
  const take = new Take(stage.flink, version, await stage.submit(name, configuration, savepointPath));
  await take.untilState("RUNNING");
  return take;
}

async function recordRunning(session: Session): Promise<void> {
  const { stage } = session;
  const take = await begin(session, "running");
  await take.untilCheckpoint();
  const metrics = "/metrics?get=numRestarts,fullRestarts,numberOfCompletedCheckpoints";
  await take.until("metrics", `/jobs/${take.jobId}${metrics}`, ({ body }) => body.length > 0);
  await take.observe();
  for (const path of ["/config", "/overview", "/taskmanagers"]) await take.call("GET", path);
  await take.ask("GET", metrics);
  await take.ask("GET", "/resource-requirements");
  await take.ask("GET", `/savepoints/${UNKNOWN}`);
  await take.ask("GET", `/checkpoints/${UNKNOWN}`);
  await take.ask("GET", "/checkpoints/details/1000000");
  await take.ask("POST", "/stop", { drain: false, triggerId: "too short" });
  await take.save("running");

  await take.ask("POST", "/checkpoints", { checkpointType: "FULL", triggerId: take.otherTrigger });
  await take.untilOver(take.otherTrigger, "checkpoints");
  const { body } = await take.ask("GET", `/checkpoints/${take.otherTrigger}`);
  await take.ask("GET", `/checkpoints/details/${body.operation.checkpointId}`);
  await take.save("checkpoint-triggered");

  stage.order("running", "hold");
  for (let twice = 0; twice < 2; twice++) await take.savepoint(take.trigger);
  await take.ask("GET", `/savepoints/${take.trigger}`);
  await take.untilSnapshotBegins();
  await take.observe();
  await take.save("savepoint-in-progress");

  stage.revoke("running", "hold");
  await take.untilOver(take.trigger);
  const savepoint = await take.ask("GET", `/savepoints/${take.trigger}`);
  await take.savepoint(take.trigger);
  await take.observe();
  await take.save("savepoint-completed");

  const location = savepoint.body.operation.location as string;
  for (const name of [TRIGGER, OTHER_TRIGGER]) {
    const { body } = await take.call("POST", "/savepoint-disposal", { "savepoint-path": location });
    const id = body["request-id"] as string;
    take.standsFor(id, name);
    const over = ({ body }: Answer) => body.status?.id === "COMPLETED";
    await take.until("the disposal", `/savepoint-disposal/${id}`, over);
    await take.call("GET", `/savepoint-disposal/${id}`);
  }
  await take.call("GET", `/savepoint-disposal/${UNKNOWN}`);
  await take.save("disposed");
  await take.ask("PATCH", "?mode=cancel");
}

async function recordStops(session: Session): Promise<void> {
  const { stage } = session;
  const take = await begin(session, "stop");
  await take.untilCheckpoint();
  stage.order("stop", "hold");
  for (let twice = 0; twice < 2; twice++) await take.stop(take.trigger);
  await take.ask("GET", `/savepoints/${take.trigger}`);
  await take.untilSnapshotBegins();
  await take.observe();
  await take.save("stop-in-progress");

  stage.revoke("stop", "hold");
  await take.untilOver(take.trigger);
  await take.untilState("FINISHED");
  await take.stop(take.trigger);
  const stopped = await take.ask("GET", `/savepoints/${take.trigger}`);
  await take.stop(take.otherTrigger);
  await take.untilOver(take.otherTrigger);
  await take.ask("GET", `/savepoints/${take.otherTrigger}`);
  await take.ask("PATCH", "?mode=cancel");
  await take.observe();
  await take.save("stop-completed");

  const resumed = await begin(session, "resume", checkpointing, stopped.body.operation.location as string);
  await resumed.observe();
  await resumed.save("restored");
  await resumed.ask("PATCH", "?mode=cancel");

  const broken = await begin(session, "break");
  await broken.untilCheckpoint();
  stage.order("break", "hold");
  await broken.stop(broken.trigger);
  await broken.untilSnapshotBegins();
  stage.order("break", "break");
  stage.revoke("break", "hold");
  await broken.untilOver(broken.trigger);
  await broken.untilState("FAILED");
  await broken.ask("GET", `/savepoints/${broken.trigger}`);
  await broken.observe();
  await broken.save("stop-broken");

  const twice = await begin(session, "twice");
  await twice.untilCheckpoint();
  stage.order("twice", "hold");
  await twice.stop(twice.trigger);
  await twice.untilSnapshotBegins();
  await twice.stop(twice.otherTrigger);
  await twice.untilOver(twice.trigger);
  stage.revoke("twice", "hold");
  for (const trigger of [twice.trigger, twice.otherTrigger]) {
    await twice.untilOver(trigger);
    await twice.ask("GET", `/savepoints/${trigger}`);
  }
  await twice.untilState("FAILED");
  await twice.observe();
  await twice.save("stop-twice");
}

async function recordFailures(session: Session): Promise<void> {
  const { stage } = session;
  const take = await begin(session, "unwritable");
  await take.untilCheckpoint();
  await take.savepoint(take.trigger, unwritable);
  await take.untilOver(take.trigger);
  await take.ask("GET", `/savepoints/${take.trigger}`);
  await take.observe();
  await take.save("savepoint-failed");
  await take.stop(take.otherTrigger, unwritable);
  await take.untilOver(take.otherTrigger);
  await take.ask("GET", `/savepoints/${take.otherTrigger}`);
  await take.observe();
  await take.save("stop-failed");

  await take.ask("PATCH", "?mode=cancel");
  await take.untilState("CANCELED");
  await take.ask("PATCH", "?mode=cancel");
  await take.observe();
  await take.save("canceled");

  const failing = await begin(session, "fail");
  await failing.untilCheckpoint();
  stage.order("fail", "fail");
  await failing.untilState("FAILED");
  await failing.untilException();
  await failing.ask("PATCH", "?mode=cancel");
  await failing.observe();
  await failing.save("failed");

  const restarting = await begin(session, "restart", {
    ...checkpointing,
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "1000",
    "restart-strategy.fixed-delay.delay": "1 h",
  });
  await restarting.untilCheckpoint();
  stage.order("restart", "fail");
  await restarting.untilState("RESTARTING");
  await restarting.untilException();
  await restarting.observe();
  await restarting.save("restarting");
  await restarting.ask("PATCH", "?mode=cancel");
}

async function recordOthers(session: Session): Promise<void> {
  const { stage } = session;
  const finite = await begin(session, "finish");
  await finite.untilCheckpoint();
  stage.order("finish", "finish");
  await finite.untilState("FINISHED");
  await finite.ask("PATCH", "?mode=cancel");
  await finite.observe();
  await finite.save("finished");

  const plain = await begin(session, "plain", {});
  await plain.observe();
  await plain.save("no-checkpoints");
  await plain.ask("PATCH", "?mode=cancel");
  await plain.untilState("CANCELED");
  await plain.observe();
  await plain.save("no-checkpoints-canceled");

  const take = await begin(session, "last");
  take.standsFor(UNKNOWN, UNKNOWN);
  const unknown = `/jobs/${UNKNOWN}`;
  for (const path of [
    "",
    "/checkpoints",
    "/checkpoints/config",
    "/checkpoints/details/1",
    "/execution-result",
  ]) {
    await take.call("GET", unknown + path);
  }
  await take.call("GET", `${unknown}/exceptions?maxExceptions=10`);
  await take.call("GET", `${unknown}/metrics?get=numRestarts`);
  await take.call("GET", `${unknown}/resource-requirements`);
  await take.call("GET", `${unknown}/savepoints/${UNKNOWN}`);
  await take.call("GET", `${unknown}/checkpoints/${UNKNOWN}`);
  await take.call("PATCH", `${unknown}?mode=cancel`);
  await take.call("POST", `${unknown}/stop`, { drain: false, triggerId: take.trigger });
  const path = `${unknown}/savepoints/${take.trigger}`;
  await take.until("the stop", path, ({ body }) => body.status?.id === "COMPLETED");
  await take.call("GET", path);
  await take.save("unknown");
  await take.ask("PATCH", "?mode=cancel");
}

async function recordJars({ stage, version, jar }: Session): Promise<void> {
  const { flink } = stage;
  const { jarId, status, body } = await upload(flink, jar, "recorded.jar");
  const begin = () => {
    const take = new Take(flink, version, newId());
    take.standsFor(jarId, JAR);
    return take;
  };
  const run = (take: Take, name: string, more: object = {}) =>
    take.call("POST", `/jars/${jarId}/run`, {
      entryClass: "ScriptedJob",
      programArgsList: [stage.folderOf(name)],
      jobId: take.jobId,
      flinkConfiguration: checkpointing,
      ...more,
    });

  const take = begin();
  take.note("POST /jars/upload", { status, body });
  await take.call("GET", "/jars");
  await run(take, "jar");
  await take.untilState("RUNNING");
  await take.observe();
  await take.save("jar-run");
  await run(take, "jar");
  await take.save("jar-run-twice");
  await take.ask("PATCH", "?mode=cancel");

  const thrown = begin();
  stage.order("throws", "throw");
  await run(thrown, "throws");
  await thrown.save("jar-run-throws");

  const lost = begin();
  await run(lost, "lost", { savepointPath: "file:///flink/savepoints/missing" });
  await lost.untilState("FAILED");
  await lost.observe();
  await lost.call("DELETE", `/jars/${jarId}`);
  await lost.save("jar-run-not-restored");

  const gone = begin();
  await gone.call("DELETE", `/jars/${jarId}`);
  await run(gone, "gone");
  await gone.save("jar-gone");
}

interface Place {
  readonly version: Version;
  readonly home: string;
  readonly folder: string;
  readonly jar: string;
}

// What is recorded is what holds at that moment, not a cached answer of seconds ago.
const fresh = {
  "rest.cache.checkpoint-statistics.timeout": "0 ms",
  "metrics.fetcher.update-interval": "500 ms",
};

async function recordSession({ version, home, folder, jar }: Place): Promise<void> {
  const flink = await startFlink({ home, folder: join(folder, "session"), configuration: fresh });
  try {
    const session = { stage: await Stage.open(flink, jar), version, jar };
    await recordRunning(session);
    await recordStops(session);
    await recordFailures(session);
    await recordOthers(session);
    await recordJars(session);
  } finally {
    await flink.stop();
  }
}

interface ApplicationOptions {
  readonly name: Situation;
  readonly configuration?: Record<string, string>;
  readonly jobId?: string;
  readonly order?: string;
}

async function withApplication(
  { home, folder, jar, version }: Place,
  { name, configuration, jobId, order }: ApplicationOptions,
  act: (take: Take) => Promise<void>,
): Promise<void> {
  const orders = join(folder, name, "orders");
  await mkdir(orders, { recursive: true });
  if (order !== undefined) writeFileSync(join(orders, order), "");
  const id = jobId === undefined ? [] : ["--job-id", jobId];
  const flink = await startFlink({
    home,
    folder: join(folder, name),
    configuration: { ...fresh, ...checkpointing, ...configuration },
    application: { jar, args: ["--job-classname", "ScriptedJob", ...id, orders] },
  });
  try {
    const take = new Take(flink, version, jobId ?? newId());
    await act(take);
    await take.save(name);
  } finally {
    await flink.stop();
  }
}

async function nameApplication(take: Take): Promise<string | undefined> {
  const { body } = await take.call("GET", "/applications/overview");
  const id = body.applications?.[0]?.id as string | undefined;
  if (id !== undefined) take.standsFor(id, APPLICATION);
  return id;
}

async function recordApplications(place: Place): Promise<void> {
  const adaptive = { "jobmanager.scheduler": "adaptive" };
  await withApplication(
    place,
    { name: "adaptive", configuration: adaptive, jobId: newId() },
    async (take) => {
      await take.untilState("RUNNING");
      await take.untilCheckpoint();
      await nameApplication(take);
      const { body } = await take.ask("GET", "/resource-requirements");
      const vertex = Object.keys(body as object)[0] ?? "";
      const wanted = { [vertex]: { parallelism: { lowerBound: 1, upperBound: 2 } } };
      await take.ask("PUT", "/resource-requirements", wanted);
      await take.observe();
    },
  );
  await withApplication(place, { name: "driver-failed", jobId: newId(), order: "throw" }, async (take) => {
    await take.untilState("FAILED");
    const id = await nameApplication(take);
    await take.observe();
    if (id !== undefined) await take.call("GET", `/applications/${id}/exceptions`);
  });
  if (place.version !== "2.3") return; // There the process ends with the application.
  const bare = { "execution.submit-failed-job-on-application-error": "false" };
  await withApplication(
    place,
    { name: "application-failed", configuration: bare, order: "throw" },
    async (take) => {
      await take.until(
        "the application to fail",
        "/applications/overview",
        ({ body }) => body.applications?.[0]?.status === "FAILED",
      );
      const id = await nameApplication(take);
      await take.observe();
      await take.call("GET", `/applications/${id}/exceptions`);
    },
  );
}

async function record(version: Version): Promise<void> {
  const home = await flinkHome(version);
  const folder = await mkdtemp(join(tmpdir(), "sluice-record-"));
  try {
    const place = { version, home, folder, jar: await buildScriptedJob(home, folder) };
    await recordSession(place);
    await recordApplications(place);
  } finally {
    if (existsSync(folder)) await rm(folder, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2);
  for (const version of versions) {
    if (wanted.length === 0 || wanted.includes(version)) await record(version);
  }
}
