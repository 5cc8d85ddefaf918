/** The operator's own configuration: flags, and a file of defaults that is read again when it changes. */
import { readFile, stat } from "node:fs/promises";
import { parse } from "yaml";
import { type FlinkConfiguration, flattenConfiguration, getDuration } from "../flink/configuration.ts";
import { FETCHER_IMAGE } from "../flink/jar-fetch.ts";
import { RECONCILE_INTERVAL } from "../flink/options.ts";
import type { ControllerConfig } from "../controller/job-passes.ts";
import type { Logger } from "../telemetry/log.ts";

const PROGRESS_CHECK_INTERVAL = { key: "kubernetes.operator.observer.progress-check.interval" };
/** Milliseconds. Sluice polls a cluster in transition more often than the Apache operator: downtime is made here. */
const PROGRESS_DEFAULT_MS = 1000;
const RECONCILE_DEFAULT_MS = 15_000;
const CHECK_EVERY_MS = 5000;

/** Sluice's own image, for pods that fetch a jar: the manifest of the operator's Deployment names it. */
function withFetcherImage(configuration: FlinkConfiguration, env: Environment): FlinkConfiguration {
  const image = env["SLUICE_IMAGE"]?.trim() ?? "";
  return image === "" ? configuration : { [FETCHER_IMAGE.key]: image, ...configuration };
}

export function controllerConfig(
  configuration: FlinkConfiguration,
  logConfiguration: Readonly<Record<string, string>> | undefined,
): ControllerConfig {
  const explicit = configuration[RECONCILE_INTERVAL.key] !== undefined;
  return {
    configuration,
    logConfiguration,
    progressInterval: getDuration(configuration, PROGRESS_CHECK_INTERVAL) ?? PROGRESS_DEFAULT_MS,
    reconcileInterval: explicit
      ? (getDuration(configuration, RECONCILE_INTERVAL) ?? RECONCILE_DEFAULT_MS)
      : RECONCILE_DEFAULT_MS,
  };
}

type Environment = Readonly<Record<string, string | undefined>>;

async function read(file: string, env: Environment): Promise<ControllerConfig> {
  const configuration = flattenConfiguration(parse(await readFile(file, "utf8")) ?? {});
  return controllerConfig(withFetcherImage(configuration, env), undefined);
}

/** A configuration that follows its file. A file that becomes unreadable leaves the last good one in force. */
export class FollowedConfiguration {
  #current: ControllerConfig;
  #modified = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #file: string | undefined;
  readonly #env: Environment;
  readonly #log: Logger;

  private constructor(file: string | undefined, env: Environment, log: Logger) {
    this.#file = file;
    this.#env = env;
    this.#log = log;
    this.#current = controllerConfig(withFetcherImage({}, env), undefined);
  }

  /** @throws when the file cannot be read or parsed at the start. */
  static async open(file: string | undefined, env: Environment, log: Logger): Promise<FollowedConfiguration> {
    const followed = new FollowedConfiguration(file, env, log);
    if (file !== undefined) {
      followed.#current = await read(file, env);
      followed.#modified = (await stat(file)).mtimeMs;
      followed.#timer = setInterval(() => void followed.#check(file), CHECK_EVERY_MS);
      followed.#timer.unref();
    }
    return followed;
  }

  get current(): ControllerConfig {
    return this.#current;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #check(file: string): Promise<void> {
    try {
      const { mtimeMs } = await stat(file);
      if (mtimeMs === this.#modified) return;
      this.#modified = mtimeMs;
      this.#current = await read(file, this.#env);
      this.#log.info({ file: this.#file }, "configuration read again");
    } catch (error) {
      this.#log.error(
        { file: this.#file, error: String(error) },
        "configuration unreadable, the last good one stays",
      );
    }
  }
}
