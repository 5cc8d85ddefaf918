/** How a standalone JobManager gets its job: the jar, the state to start from, the job's own arguments (2.14, 2.22). */
import type { DefaultedSpec } from "../api/defaults.ts";
import type { PodTemplate } from "../api/flink-deployment.ts";
import {
  type FlinkConfiguration,
  getBoolean,
  getOption,
  hasOption,
  type Option,
} from "../flink/configuration.ts";
import { isHaActive } from "../flink/high-availability.ts";
import { JM_RPC_ADDRESS } from "../flink/kubernetes-options.ts";
import { IGNORE_UNCLAIMED_STATE, SAVEPOINT_PATH } from "../flink/options.ts";
import { POD_IP_VARIABLE } from "./flink-process.ts";
import { emptyFolder, type Mounted } from "./mounts.ts";
import { MAIN_CONTAINER } from "./pod-template.ts";

export const CLASSPATHS: Option = { key: "pipeline.classpaths" };

/** Where Flink looks for jars of the user, and only there for one with a main class. */
const USER_LIBRARY = "/opt/flink/usrlib";
/** The Apache operator's name; init containers of users fill it. */
const USER_LIBRARY_VOLUME = "user-lib-dir";

/** The path of a jar in the image; undefined for one that is elsewhere. */
function pathInImage(jarUri: string): string | undefined {
  return /^(?:local|file):(?:\/\/[^/]*)?(\/.*)$/i.exec(jarUri)?.[1];
}

function isInUserLibrary(jarUri: string): boolean {
  return pathInImage(jarUri)?.startsWith(`${USER_LIBRARY}/`) === true;
}

/** The jar's entry in `pipeline.classpaths`. None for one that Flink finds by itself: found twice, it is refused. */
export function classpathEntry(jarUri: string): string | undefined {
  return jarUri === "" || isInUserLibrary(jarUri) ? undefined : jarUri.replace(/^local:/i, "file:");
}

/**
 * The JobManager's arguments. Flink takes the path and `allowNonRestoredState` from here alone: without the first it
 * overwrites the second in its configuration.
 */
export function jobManagerArguments({ job }: DefaultedSpec, config: FlinkConfiguration): string[] {
  const address = isHaActive(config) ? ["-D", `${JM_RPC_ADDRESS.key}=$(${POD_IP_VARIABLE})`] : [];
  if (job === undefined) return ["jobmanager", ...address];
  const path = getOption(config, SAVEPOINT_PATH);
  return [
    "standalone-job",
    ...(job.entryClass === undefined ? [] : ["--job-classname", job.entryClass]),
    ...(getBoolean(config, IGNORE_UNCLAIMED_STATE) ? ["--allowNonRestoredState"] : []),
    ...(path === undefined ? [] : ["--fromSavepoint", path]),
    ...address,
    // Without the dashes Flink would take a "--from 3" of the job's for the beginning of "--fromSavepoint".
    ...(job.args.length === 0 ? [] : ["--", ...job.args]),
  ];
}

/**
 * Flink needs its folder for jars to exist, also to accept one from elsewhere. In an image that has its jar there, or
 * with a volume of the user's, nothing may hide it.
 */
export function userLibrary(
  { job }: DefaultedSpec,
  config: FlinkConfiguration,
  template: PodTemplate | undefined,
): Mounted[] {
  if (job === undefined) return [];
  const { containers = [], initContainers = [], volumes = [] } = template?.spec ?? {};
  const main = containers.find(({ name }) => name === MAIN_CONTAINER);
  if (main?.volumeMounts?.some(({ mountPath }) => mountPath.replace(/\/+$/, "") === USER_LIBRARY)) return [];
  const isFilled = initContainers.some((container) =>
    container.volumeMounts?.some(({ name }) => name === USER_LIBRARY_VOLUME),
  );
  const isElsewhere = hasOption(config, CLASSPATHS) && !isInUserLibrary(job.jarURI ?? "");
  if (!isFilled && !isElsewhere) return [];
  const { volume, mount } = emptyFolder(USER_LIBRARY_VOLUME, USER_LIBRARY);
  const isDefined = volumes.some(({ name }) => name === USER_LIBRARY_VOLUME);
  return [isDefined || volume === undefined ? { mount } : { volume, mount }];
}
