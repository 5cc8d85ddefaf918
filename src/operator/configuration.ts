/** The operator's own configuration: flags, and a file of defaults that is read again when it changes. */
import { readFile, stat } from "node:fs/promises";
import { parse } from "yaml";
import { type FlinkConfiguration, flattenConfiguration, getDuration } from "../flink/configuration.ts";
import { RECONCILE_INTERVAL } from "../flink/options.ts";
import type { ControllerConfig } from "../controller/job-passes.ts";
import type { Logger } from "../telemetry/log.ts";

const PROGRESS_CHECK_INTERVAL = { key: "kubernetes.operator.observer.progress-check.interval" };
/** Milliseconds. Sluice polls a cluster in transition more often than the Apache operator: downtime is made here. */
const PROGRESS_DEFAULT_MS = 1000;
const RECONCILE_DEFAULT_MS = 15_000;
const CHECK_EVERY_MS = 5000;

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

async function read(file: string): Promise<FlinkConfiguration> {
  return flattenConfiguration(parse(await readFile(file, "utf8")) ?? {});
}

/** A configuration that follows its file. A file that becomes unreadable leaves the last good one in force. */
export class FollowedConfiguration {
  #current: ControllerConfig;
  #modified = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #file: string | undefined;
  readonly #log: Logger;

  private constructor(file: string | undefined, log: Logger) {
    this.#file = file;
    this.#log = log;
    this.#current = controllerConfig({}, undefined);
  }

  /** @throws when the file cannot be read or parsed at the start. */
  static async open(file: string | undefined, log: Logger): Promise<FollowedConfiguration> {
    const followed = new FollowedConfiguration(file, log);
    if (file !== undefined) {
      followed.#current = controllerConfig(await read(file), undefined);
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
      this.#current = controllerConfig(await read(file), undefined);
      this.#log.info({ file: this.#file }, "configuration read again");
    } catch (error) {
      this.#log.error(
        { file: this.#file, error: String(error) },
        "configuration unreadable, the last good one stays",
      );
    }
  }
}
