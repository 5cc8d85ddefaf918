/** Everything that can be said about a FlinkBlueGreenDeployment: mostly about the deployments it will make. */
import { withoutNulls } from "../../api/defaults.ts";
import type {
  FlinkBlueGreenDeployment,
  FlinkBlueGreenDeploymentSpec,
} from "../../api/flink-blue-green-deployment.ts";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import type { FlinkConfiguration } from "../../flink/configuration.ts";
import { error, type Finding } from "./finding.ts";
import { validateFlinkDeployment, unlessWrong } from "./flink-deployment.ts";
import { checkClusterName } from "./identity.ts";
import { checkIngressSpec } from "./ingress-and-logging.ts";
import { wrongValues } from "./schema-check.ts";
import { withoutFields } from "./subject.ts";

const LONGEST_NAME = 45 - "-green".length;
const TEMPLATE = "spec.template.spec";

export function validateFlinkBlueGreenDeployment(
  resource: FlinkBlueGreenDeployment,
  effectiveConfig: FlinkConfiguration,
): Finding[] {
  const wrong = wrongValues(resource);
  const { metadata, ...rest } = withoutFields(resource, wrong);
  const spec: FlinkBlueGreenDeploymentSpec | undefined = withoutNulls(rest.spec);
  const name = metadata?.name ?? "";
  const findings = [
    ...checkClusterName(name, "metadata.name", LONGEST_NAME),
    ...checkIngressSpec(spec?.ingress, name, metadata?.namespace ?? "default", "spec.ingress"),
  ];
  const template = spec?.template?.spec;
  if (template === undefined) {
    findings.push(error(TEMPLATE, "is required"));
    return unlessWrong(wrong, findings);
  }
  const child: FlinkDeployment = {
    apiVersion: resource.apiVersion,
    kind: "FlinkDeployment",
    metadata: {
      name: "child",
      ...(metadata?.namespace === undefined ? {} : { namespace: metadata.namespace }),
    },
    spec: template,
  };
  const ofChild = validateFlinkDeployment(child, effectiveConfig).map((finding) => ({
    ...finding,
    path: finding.path.replace(/^spec\b/, TEMPLATE),
  }));
  return unlessWrong(wrong, [...findings, ...ofChild]);
}
