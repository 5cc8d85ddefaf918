/** The operator's own configuration: flags, and a file of defaults that is read again when it changes. */
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parse } from "yaml";
import {
  type FlinkConfiguration,
  flattenConfiguration,
  getBoolean,
  getDuration,
} from "../flink/configuration.ts";
import { parseFlinkConf } from "../flink/flink-conf.ts";
import { FETCHER_IMAGE } from "../flink/jar-fetch.ts";
import { RECONCILE_INTERVAL } from "../flink/options.ts";
import { yamlProblem } from "../flink/yaml-problem.ts";
import type { ControllerConfig } from "../controller/job-passes.ts";
import { LOG_FILE_NAMES } from "../resources/log-files.ts";
import type { Logger } from "../telemetry/log.ts";

const PROGRESS_CHECK_INTERVAL = { key: "kubernetes.operator.observer.progress-check.interval" };
/** Milliseconds. Sluice polls a cluster in transition more often than the Apache operator: downtime is made here. */
const PROGRESS_DEFAULT_MS = 1000;
const RECONCILE_DEFAULT_MS = 15_000;
const DYNAMIC_CONFIG = { key: "kubernetes.operator.dynamic.config.enabled", default: "true" };
const CHECK_INTERVAL = { key: "kubernetes.operator.dynamic.config.check.interval" };
/** More often than the Apache operator, which looks every five minutes: looking costs nothing. */
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

/** Log files beside the configuration, as the Apache operator's chart puts them: for clusters without their own. */
async function readLogFiles(folder: string): Promise<Readonly<Record<string, string>> | undefined> {
  const files: Record<string, string> = {};
  for (const name of LOG_FILE_NAMES) {
    try {
      files[name] = await readFile(join(folder, name), "utf8");
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") throw error;
    }
  }
  return Object.keys(files).length === 0 ? undefined : files;
}

/** The file's content is wrong. The message names the place and holds nothing of the content. */
class ConfigurationFileError extends Error {
  constructor(file: string, problem: string) {
    super(`${file} is ${problem}`);
    this.name = "ConfigurationFileError";
  }
}

function parseYaml(text: string, file: string): Readonly<Record<string, string>> {
  try {
    // Its warnings quote the text.
    return flattenConfiguration(parse(text, { logLevel: "error" }) ?? {});
  } catch (error) {
    throw new ConfigurationFileError(file, yamlProblem(error));
  }
}

async function read(file: string, env: Environment): Promise<ControllerConfig> {
  const text = await readFile(file, "utf8");
  const isOld = basename(file) === "flink-conf.yaml";
  const configuration = isOld ? parseFlinkConf(text) : parseYaml(text, file);
  return controllerConfig(withFetcherImage(configuration, env), await readLogFiles(dirname(file)));
}

/** A configuration that follows its file. A file that becomes unreadable leaves the last good one in force. */
export class FollowedConfiguration {
  #current: ControllerConfig;
  #modified = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #listeners: ((current: ControllerConfig) => void)[] = [];
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
      followed.#follow(file);
    }
    return followed;
  }

  get current(): ControllerConfig {
    return this.#current;
  }

  /** Called after each change. */
  onChange(listener: (current: ControllerConfig) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #follow(file: string): void {
    const { configuration } = this.#current;
    if (!getBoolean(configuration, DYNAMIC_CONFIG)) return;
    const interval = getDuration(configuration, CHECK_INTERVAL) ?? CHECK_EVERY_MS;
    this.#timer = setInterval(() => void this.#check(file), interval);
    this.#timer.unref();
  }

  async #check(file: string): Promise<void> {
    try {
      const { mtimeMs } = await stat(file);
      if (mtimeMs === this.#modified) return;
      this.#modified = mtimeMs;
      this.#current = await read(file, this.#env);
      this.#log.info({ file: this.#file }, "configuration read again");
      for (const listener of this.#listeners) listener(this.#current);
    } catch (error) {
      this.#log.error(
        { file: this.#file, error: String(error) },
        "configuration unreadable, the last good one stays",
      );
    }
  }
}
