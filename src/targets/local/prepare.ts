/** Everything that a job needs on this machine before it can start, so that what is missing is said before anything stops. */
import { availableParallelism, totalmem } from "node:os";
import { pathToFileURL } from "node:url";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import { withSpecDefaults } from "../../api/defaults.ts";
import type { Shell } from "./shell.ts";
import { flattenConfiguration } from "../../flink/configuration.ts";
import { formatBytes } from "../../flink/memory-reader.ts";
import { requireVersion } from "../../resources/configuration.ts";
import { taskManagerCount } from "../../resources/task-manager-count.ts";
import { clusterMemory, localCluster } from "./configuration.ts";
import { findDistribution, versionIn } from "./distribution.ts";
import { keepJar } from "./jar.ts";
import { requireJava } from "./java.ts";
import { localise, type Mapping } from "./localise.ts";
import type { Prepared } from "../target.ts";
import { readSettings, writeSettings } from "./settings.ts";

export interface Preparation {
  readonly folder: string;
  readonly mappings: readonly Mapping[];
  readonly flinkHome: string | undefined;
  readonly shell: Shell;
}

/** Where the memory of all processes together is more than the machine has. */
function memoryNote(resource: FlinkDeployment): string[] {
  const { metadata, spec } = resource;
  const { name, namespace = "default" } = metadata;
  const config = flattenConfiguration(spec.flinkConfiguration);
  const inputs = {
    owner: { name, namespace, uid: "" },
    spec,
    generation: 1,
    restore: { kind: "none" as const },
    attemptId: "0",
    defaults: {},
  };
  const count = taskManagerCount(withSpecDefaults(spec), config);
  const needed = clusterMemory(localCluster(inputs, { rest: 1, rpc: 1 }, "/tmp"), count);
  const has = totalmem();
  if (needed === undefined || needed <= has) return [];
  const wanted = `a JobManager and ${count} TaskManagers may use ${formatBytes(needed)}`;
  return [`memory: ${wanted}, and this machine has ${formatBytes(has)}: lower the memory or the parallelism`];
}

/** @throws Refusal for what is missing, InvalidClusterError for what Flink refuses too */
export async function prepare(resource: FlinkDeployment, preparation: Preparation): Promise<Prepared> {
  const { folder, mappings, shell } = preparation;
  const { resource: local, differences } = localise(resource, {
    folder: pathToFileURL(folder).toString(),
    mappings,
  });
  const version = requireVersion(withSpecDefaults(local.spec));
  await requireJava(version, shell.env);
  const minor = version.slice(1).replace("_", ".");
  const flinkHome = await findDistribution(minor, preparation.flinkHome, shell);
  const { flinkHomes } = readSettings(folder);
  writeSettings(folder, { flinkHomes: { ...flinkHomes, [version]: flinkHome } });
  const { job } = local.spec;
  const place = {
    folder,
    configuration: flattenConfiguration(local.spec.flinkConfiguration),
    env: shell.env,
  };
  const jarURI = job?.jarURI === undefined ? undefined : await keepJar(job.jarURI, place);
  const ready = jarURI === undefined ? local : { ...local, spec: { ...local.spec, job: { ...job, jarURI } } };
  const where = `Flink ${versionIn(flinkHome) ?? minor} of ${flinkHome}, state in ${folder}`;
  const cores = `${availableParallelism()} CPUs for all processes together`;
  return { spec: ready.spec, differences: [where, cores, ...differences, ...memoryNote(ready)] };
}
