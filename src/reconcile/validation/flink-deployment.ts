/**
 * Everything that can be said about a FlinkDeployment without asking anybody, all at once. Errors come in the order in
 * which the Apache operator looks for them (it reports only the first), then those that it does not look for.
 */
import type { FlinkDeployment, FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import type { FlinkConfiguration } from "../../flink/configuration.ts";
import { checkAutoscaler } from "./autoscaler.ts";
import {
  checkConfigurationShape,
  checkDependencies,
  checkForbiddenKeys,
  checkLastStateReadable,
} from "./configuration.ts";
import type { Finding } from "./finding.ts";
import { checkFlinkVersion, checkName, checkServiceAccount } from "./identity.ts";
import { checkImmutableFields } from "./immutable-fields.ts";
import { checkIngress, checkLogConfiguration } from "./ingress-and-logging.ts";
import { checkFetchedJar } from "./jar-source.ts";
import { checkApplicationJar, checkJob } from "./job.ts";
import { checkNativeReplicas, checkReactive, checkStandaloneJar } from "./mode.ts";
import { checkOptions } from "./option-values.ts";
import { checkJobManager, checkTaskManager } from "./resources.ts";
import { wrongValues } from "./schema-check.ts";
import { checkPlainSecrets, checkSecretValues } from "./secrets.ts";
import { type Rule, subjectOf, withoutFields } from "./subject.ts";

export const rules: readonly Rule[] = [
  checkName,
  checkFlinkVersion,
  checkForbiddenKeys,
  checkDependencies,
  checkIngress,
  checkLogConfiguration,
  checkJob,
  checkJobManager,
  checkTaskManager,
  checkImmutableFields,
  checkServiceAccount,
  checkAutoscaler,
  checkConfigurationShape,
  checkOptions,
  checkSecretValues,
  checkPlainSecrets,
  checkApplicationJar,
  checkFetchedJar,
  checkStandaloneJar,
  checkNativeReplicas,
  checkReactive,
  checkLastStateReadable,
];

/** A value of a wrong type is also one that its rule misses: that is said once. */
export function unlessWrong(wrong: readonly Finding[], findings: readonly Finding[]): Finding[] {
  const paths = new Set(wrong.map(({ path }) => path));
  return [...wrong, ...findings.filter(({ path }) => !paths.has(path))];
}

/**
 * `effectiveConfig`: the operator's defaults for the namespace and Flink version, under the spec's own flattened
 * configuration. `lastReconciled`: what was last deployed, once something was. `operator`: its own configuration.
 */
export function validateFlinkDeployment(
  resource: FlinkDeployment,
  effectiveConfig: FlinkConfiguration,
  lastReconciled?: { readonly spec: FlinkDeploymentSpec },
  operator?: FlinkConfiguration,
): Finding[] {
  const wrong = wrongValues(resource);
  const subject = subjectOf(withoutFields(resource, wrong), effectiveConfig, lastReconciled, operator);
  return unlessWrong(
    wrong,
    rules.flatMap((rule) => rule(subject)),
  );
}
