/**
 * A real Flink on loopback, started as processes out of a distribution, for the recorder and for tests of the REST
 * client. Everything it writes is below the given folder. It dies with this process.
 */
import { execFile } from "node:child_process";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { request } from "undici";
import { parse, stringify } from "yaml";
import { repository } from "../lib/paths.ts";
import { freePorts } from "../lib/ports.ts";
import { assertAlive, start, stop } from "../lib/processes.ts";
import { waitFor } from "../lib/wait.ts";

const run = promisify(execFile);
const minute = 60_000;

export type Version = "1.20" | "2.2" | "2.3";
export const versions: readonly Version[] = ["1.20", "2.2", "2.3"];

export interface LocalFlink {
  readonly url: string;
  readonly folder: string;
  /** Ends all its processes. */
  stop(): Promise<void>;
}

interface LocalFlinkOptions {
  /** FLINK_HOME. */
  readonly home: string;
  /** Absent or empty; receives configuration, logs, checkpoints. */
  readonly folder: string;
  readonly configuration?: Readonly<Record<string, string>>;
  /** Absent: a session cluster. */
  readonly application?: {
    readonly jar: string;
    /** Of standalone-job.sh, the job's own last. */
    readonly args: readonly string[];
  };
}

/** FLINK_HOME of a version; downloads it the first time. */
export async function flinkHome(version: Version): Promise<string> {
  const script = join(repository, "testbed", "images", "distribution.sh");
  const { stdout } = await run(script, [version], { timeout: 15 * minute });
  return stdout.trim();
}

/** Compiles ScriptedJob against a distribution and answers the jar's path. */
export async function buildScriptedJob(home: string, folder: string): Promise<string> {
  const classes = join(folder, "classes");
  const jar = join(folder, "scripted-job.jar");
  await mkdir(classes, { recursive: true });
  const source = join(import.meta.dirname, "job", "ScriptedJob.java");
  await run("javac", ["-nowarn", "-cp", join(home, "lib", "*"), "-d", classes, source], { timeout: minute });
  await run("jar", ["cfe", jar, "ScriptedJob", "-C", classes, "."], { timeout: minute });
  return jar;
}

async function shippedJavaOptions(home: string): Promise<string> {
  const shipped = parse(await readFile(join(home, "conf", "config.yaml"), "utf8")) as {
    env?: { java?: { opts?: { all?: string } } };
  };
  return shipped.env?.java?.opts?.all ?? "";
}

async function writeConfiguration(
  options: LocalFlinkOptions,
  conf: string,
  restPort: number,
  rpcPort: number,
) {
  const { home, folder, configuration } = options;
  const values = {
    // A short life on two busy cores: start-up counts, peak speed does not.
    "env.java.opts.all": `${await shippedJavaOptions(home)} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC`,
    "rest.address": "127.0.0.1",
    "rest.bind-address": "127.0.0.1",
    "rest.port": String(restPort),
    "jobmanager.rpc.address": "127.0.0.1",
    "jobmanager.bind-host": "127.0.0.1",
    "jobmanager.rpc.port": String(rpcPort),
    "jobmanager.memory.process.size": "800m",
    "taskmanager.host": "127.0.0.1",
    "taskmanager.bind-host": "127.0.0.1",
    "taskmanager.numberOfTaskSlots": "8",
    "taskmanager.memory.process.size": "800m",
    "taskmanager.memory.managed.size": "16m",
    "io.tmp.dirs": join(folder, "tmp"),
    "restart-strategy.type": "none",
    "execution.checkpointing.dir": `file://${folder}/checkpoints`,
    "execution.checkpointing.savepoint-dir": `file://${folder}/savepoints`,
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    "execution.shutdown-on-application-finish": "false",
    "execution.submit-failed-job-on-application-error": "true",
    ...configuration,
  };
  await mkdir(conf, { recursive: true });
  await mkdir(join(folder, "tmp"), { recursive: true });
  await writeFile(join(conf, "config.yaml"), stringify(values, { lineWidth: 0 }));
  await copyFile(join(home, "conf", "log4j-console.properties"), join(conf, "log4j-console.properties"));
}

async function slots(url: string): Promise<number> {
  const { statusCode, body } = await request(`${url}/overview`, { signal: AbortSignal.timeout(2000) });
  const text = await body.text();
  return statusCode === 200 ? Number((JSON.parse(text) as { "slots-total"?: number })["slots-total"]) : 0;
}

async function startOnce(options: LocalFlinkOptions): Promise<LocalFlink> {
  const { home, folder, application } = options;
  const [restPort = 0, rpcPort = 0] = await freePorts(2);
  const conf = join(folder, "conf");
  await writeConfiguration(options, conf, restPort, rpcPort);
  const env = { FLINK_CONF_DIR: conf, FLINK_LOG_DIR: join(folder, "flink-log"), FLINK_PID_DIR: folder };
  const launch = (name: string, script: string, args: readonly string[] = []) =>
    start({
      name,
      command: join(home, "bin", script),
      args: ["start-foreground", ...args],
      env,
      dir: folder,
      lifetime: "parent",
    });
  if (application === undefined) launch("jobmanager", "jobmanager.sh");
  // `--jars` takes all that follows up to the next option.
  else
    launch("jobmanager", "standalone-job.sh", ["--jars", `file://${application.jar}`, ...application.args]);
  launch("taskmanager", "taskmanager.sh");
  const flink: LocalFlink = {
    url: `http://127.0.0.1:${restPort}`,
    folder,
    stop: async () => {
      await Promise.all(["taskmanager", "jobmanager"].map((name) => stop(folder, name)));
    },
  };
  const alive = () => ["jobmanager", "taskmanager"].forEach((name) => assertAlive(folder, name));
  try {
    const ready = async () => (await slots(flink.url)) > 0;
    await waitFor("the TaskManager to register", ready, { deadline: 2 * minute, alive });
  } catch (error) {
    await flink.stop();
    throw error;
  }
  return flink;
}

/** Starts a JobManager and one TaskManager (8 slots); returns when the REST server answers and the slots are there. */
export async function startFlink(options: LocalFlinkOptions): Promise<LocalFlink> {
  for (let tries = 1; ; tries++) {
    try {
      return await startOnce(options);
    } catch (error) {
      // Somebody else took a port between our look and Flink's.
      if (tries === 3 || !/BindException|Address already in use/.test(String(error))) throw error;
    }
  }
}
