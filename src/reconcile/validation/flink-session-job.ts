/** Everything that can be said about a FlinkSessionJob, and about it in its cluster where that is known. */
import { withJobDefaults, withoutNulls } from "../../api/defaults.ts";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob, FlinkSessionJobSpec } from "../../api/flink-session-job.ts";
import type { FlinkConfiguration } from "../../flink/configuration.ts";
import { checkAutoscaler } from "./autoscaler.ts";
import { checkConfigurationShape } from "./configuration.ts";
import { error, type Finding } from "./finding.ts";
import { unlessWrong } from "./flink-deployment.ts";
import { checkClusterName } from "./identity.ts";
import { checkDownloadedJar } from "./jar-source.ts";
import { checkJobSpec } from "./job.ts";
import { checkOptions } from "./option-values.ts";
import { wrongValues } from "./schema-check.ts";
import { subjectOf, withoutFields } from "./subject.ts";

function checkAlone(
  spec: FlinkSessionJobSpec,
  config: FlinkConfiguration,
  last: FlinkSessionJobSpec | undefined,
): Finding[] {
  const findings = checkClusterName(spec.deploymentName ?? "", "spec.deploymentName");
  if (spec.job === undefined) findings.push(error("spec.job", "is required"));
  const before = last?.deploymentName;
  if (before !== undefined && before !== spec.deploymentName) {
    findings.push(
      error(
        "spec.deploymentName",
        `cannot change, was ${before}`,
        "restore the field, or delete the job and create it in the other cluster",
        before,
      ),
    );
  }
  findings.push(...checkDownloadedJar(spec.job?.jarURI, config));
  return findings;
}

function checkCluster(spec: FlinkSessionJobSpec, session: FlinkDeployment): Finding[] {
  const path = "spec.deploymentName";
  const { name } = session.metadata;
  if (withoutNulls(session.spec).job !== undefined) {
    const advice = "name a FlinkDeployment without spec.job";
    return [error(path, `${name} is an application cluster: it takes no session jobs`, advice)];
  }
  return name === spec.deploymentName ? [] : [error(path, `is not the name of the session cluster, ${name}`)];
}

/**
 * `effectiveConfig`: the operator's defaults, under the session cluster's configuration, under the job's own. Without a
 * known `session` only what the job itself says is checked: a cluster may come later.
 */
export function validateFlinkSessionJob(
  resource: FlinkSessionJob,
  effectiveConfig: FlinkConfiguration,
  session?: FlinkDeployment,
  lastReconciled?: { readonly spec: FlinkSessionJobSpec },
): Finding[] {
  const wrong = wrongValues(resource);
  const checked = withoutFields(resource, wrong);
  const spec: FlinkSessionJobSpec = withoutNulls(checked.spec ?? {});
  const own = subjectOf({ metadata: checked.metadata, spec }, effectiveConfig, undefined);
  const job = spec.job === undefined ? undefined : withJobDefaults(spec.job);
  const inCluster =
    session === undefined
      ? []
      : [
          ...checkCluster(spec, session),
          ...checkJobSpec(job, effectiveConfig, session.spec.flinkVersion, undefined),
          ...checkAutoscaler(own),
        ];
  return unlessWrong(wrong, [
    ...checkAlone(spec, effectiveConfig, lastReconciled?.spec),
    ...inCluster,
    ...checkConfigurationShape(own),
    ...checkOptions(own),
  ]);
}
