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
import { checkRedeployment } from "./immutable-fields.ts";
import { checkDownloadedJar } from "./jar-source.ts";
import { checkJobSpec } from "./job.ts";
import { checkOptions } from "./option-values.ts";
import { wrongValues } from "./schema-check.ts";
import { checkClusterOnly } from "./secrets.ts";
import { subjectOf, withoutFields } from "./subject.ts";

export interface SessionJobContext {
  /** The operator's defaults, under the session cluster's configuration, under the job's own. */
  readonly effective: FlinkConfiguration;
  /** The operator's own: what a job may not decide for itself. */
  readonly operator: FlinkConfiguration;
  /** Without a known cluster only what the job itself says is checked: the cluster may come later. */
  readonly session?: FlinkDeployment | undefined;
  /** What was last deployed, once something was. */
  readonly lastReconciled?: { readonly spec: FlinkSessionJobSpec } | undefined;
}

function checkAlone(spec: FlinkSessionJobSpec, { operator, lastReconciled }: SessionJobContext): Finding[] {
  const findings = checkClusterName(spec.deploymentName ?? "", "spec.deploymentName");
  if (spec.job === undefined) findings.push(error("spec.job", "is required"));
  const before = lastReconciled?.spec.deploymentName;
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
  const { jarURI = "", entryClass = "" } = spec.job ?? {};
  if (spec.job !== undefined && jarURI.trim() === "" && entryClass.trim() === "") {
    const advice =
      "name the main class, which must then be on the session cluster's class path, or set spec.job.jarURI";
    findings.push(error("spec.job.entryClass", "is required without a jarURI", advice));
  }
  findings.push(...checkDownloadedJar(spec.job?.jarURI, operator));
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

/** Everything that can be said without asking anybody, all at once. */
export function validateFlinkSessionJob(resource: FlinkSessionJob, context: SessionJobContext): Finding[] {
  const { effective, session, lastReconciled } = context;
  const wrong = wrongValues(resource);
  const checked = withoutFields(resource, wrong);
  const spec: FlinkSessionJobSpec = withoutNulls(checked.spec ?? {});
  const own = subjectOf({ metadata: checked.metadata, spec }, effective, undefined);
  const job = spec.job === undefined ? undefined : withJobDefaults(spec.job);
  const inCluster =
    session === undefined
      ? []
      : [
          ...checkCluster(spec, session),
          ...checkJobSpec(job, effective, session.spec.flinkVersion, undefined),
          ...checkAutoscaler(own),
        ];
  return unlessWrong(wrong, [
    ...checkAlone(spec, context),
    ...checkRedeployment(job, lastReconciled?.spec.job),
    ...inCluster,
    ...checkConfigurationShape(own),
    ...checkOptions(own),
    ...checkClusterOnly(own),
  ]);
}
