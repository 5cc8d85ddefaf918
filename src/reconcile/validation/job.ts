/** Rules on the job: where its state goes, its size, its jar. */
import type { DefaultedJobSpec } from "../../api/defaults.ts";
import type { FlinkVersion } from "../../api/flink-deployment.ts";
import { type FlinkConfiguration, getOption, hasOption, type Option } from "../../flink/configuration.ts";
import { isAtLeast } from "../../flink/flink-version.ts";
import {
  CHECKPOINTS_DIR,
  LAST_STATE_MAX_CHECKPOINT_AGE,
  PERIODIC_SAVEPOINT_INTERVAL,
  SAVEPOINTS_DIR,
} from "../../flink/options.ts";
import { configPath, error, type Finding, warning } from "./finding.ts";
import { quoted } from "./jar-source.ts";
import type { Subject } from "./subject.ts";

/** The name under which the job's Flink version reads a directory. */
function nameFor(option: Option, version: FlinkVersion | undefined): string {
  const older = option.aliases?.[0] ?? option.key;
  return version !== undefined && isAtLeast(version, 1, 20) ? option.key : older;
}

function isSet(config: FlinkConfiguration, option: Option): boolean {
  return (getOption(config, option) ?? "").trim() !== "";
}

function checkDirectories(
  job: DefaultedJobSpec,
  config: FlinkConfiguration,
  version: FlinkVersion | undefined,
): Finding[] {
  const findings: Finding[] = [];
  if (job.upgradeMode !== "stateless" && !isSet(config, CHECKPOINTS_DIR)) {
    const key = nameFor(CHECKPOINTS_DIR, version);
    findings.push(
      error(
        configPath(key),
        `is required with upgradeMode ${job.upgradeMode}`,
        "set it to a directory that outlives the pods, for example s3://bucket/checkpoints",
      ),
    );
  }
  if (isSet(config, SAVEPOINTS_DIR)) return findings;
  const users: [boolean, string][] = [
    [job.upgradeMode === "savepoint", "upgradeMode savepoint"],
    [job.savepointTriggerNonce !== undefined, "savepointTriggerNonce"],
    [hasOption(config, PERIODIC_SAVEPOINT_INTERVAL), PERIODIC_SAVEPOINT_INTERVAL.key],
    [isSet(config, LAST_STATE_MAX_CHECKPOINT_AGE), LAST_STATE_MAX_CHECKPOINT_AGE.key],
  ];
  const wanting = users.filter(([wants]) => wants).map(([, what]) => what);
  if (wanting.length === 0) return findings;
  findings.push(
    error(
      configPath(nameFor(SAVEPOINTS_DIR, version)),
      `is required with ${wanting.join(" and ")}`,
      "set it to a directory that outlives the pods, for example s3://bucket/savepoints",
    ),
  );
  return findings;
}

/** `taskManagerReplicas`, if given, decides the parallelism instead. */
export function checkJobSpec(
  job: DefaultedJobSpec | undefined,
  config: FlinkConfiguration,
  version: FlinkVersion | undefined,
  taskManagerReplicas: number | undefined,
): Finding[] {
  if (job === undefined) return [];
  const findings = checkDirectories(job, config, version);
  if (taskManagerReplicas === undefined && job.parallelism < 1) {
    findings.push(
      error(
        "spec.job.parallelism",
        `must be at least 1, is ${job.parallelism}`,
        "set it, or set spec.taskManager.replicas, which decides it on its own",
      ),
    );
  }
  return findings;
}

export function checkJob({ spec, config }: Subject): Finding[] {
  return checkJobSpec(spec.job, config, spec.flinkVersion, spec.taskManager?.replicas);
}

/** Flink's own client reads a bare path from 1.19 on, as a file of the image; elsewhere it cannot start. */
export function checkApplicationJar({ spec }: Subject): Finding[] {
  const jar = spec.job?.jarURI;
  if (jar === undefined || jar === "") return [];
  if (/^[a-z][a-z\d+.-]*:/i.test(jar)) return [];
  const path = jar.startsWith("/") ? jar : `/opt/flink/usrlib/${jar}`;
  const advice = `write local://${quoted(jar) === "" ? "/opt/flink/usrlib/<jar>" : path} for a jar in the image`;
  const message = `has no scheme${quoted(jar)}`;
  const works =
    jar.startsWith("/") &&
    spec.mode !== "standalone" &&
    spec.flinkVersion !== undefined &&
    isAtLeast(spec.flinkVersion, 1, 19);
  return [(works ? warning : error)("spec.job.jarURI", message, advice)];
}
