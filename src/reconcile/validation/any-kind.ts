/** Validation of a resource of whichever kind, with what is known around it. */
import type { FlinkBlueGreenDeployment } from "../../api/flink-blue-green-deployment.ts";
import type { FlinkDeployment, FlinkVersion } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import type { FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../../flink/configuration.ts";
import { defaultsFor } from "../../flink/operator-defaults.ts";
import type { RecordedSpec } from "../last-reconciled-spec.ts";
import type { Finding } from "./finding.ts";
import { validateFlinkBlueGreenDeployment } from "./flink-blue-green-deployment.ts";
import { validateFlinkDeployment } from "./flink-deployment.ts";
import { validateFlinkSessionJob } from "./flink-session-job.ts";
import { validateFlinkStateSnapshot } from "./flink-state-snapshot.ts";

export interface Surroundings {
  /** The operator's own configuration, flat. */
  readonly operator: FlinkConfiguration;
  /** What is deployed. */
  readonly recorded?: RecordedSpec | undefined;
  /** The session cluster of a session job; undefined: not known. */
  readonly session?: FlinkDeployment | undefined;
  /** Whether the job of a snapshot is there; undefined: not known. */
  readonly targetExists?: boolean | undefined;
}

/** Everything that can be said about it. A kind that is not one of ours is taken for a FlinkDeployment. */
export function validateResource(resource: KubeObject, around: Surroundings): Finding[] {
  const { operator, recorded, session, targetExists } = around;
  const namespace = resource.metadata?.namespace ?? "default";
  const effective = (version: FlinkVersion | undefined, ...own: unknown[]): FlinkConfiguration =>
    Object.assign(defaultsFor(operator, namespace, version), ...own.map(flattenConfiguration));
  switch (resource.kind) {
    case "FlinkSessionJob": {
      const job = resource as FlinkSessionJob;
      const layers = [session?.spec.flinkConfiguration, job.spec?.flinkConfiguration];
      const version = session?.spec.flinkVersion;
      return validateFlinkSessionJob(job, {
        effective: effective(version, ...layers),
        operator: effective(version),
        session,
        lastReconciled: recorded,
      });
    }
    case "FlinkStateSnapshot":
      return validateFlinkStateSnapshot(resource as FlinkStateSnapshot, targetExists);
    case "FlinkBlueGreenDeployment": {
      const deployment = resource as FlinkBlueGreenDeployment;
      const template = deployment.spec?.template?.spec;
      const config = effective(template?.flinkVersion, template?.flinkConfiguration);
      return validateFlinkBlueGreenDeployment(deployment, config);
    }
    default: {
      const deployment = resource as FlinkDeployment;
      const version = deployment.spec?.flinkVersion;
      const config = effective(version, deployment.spec?.flinkConfiguration);
      return validateFlinkDeployment(deployment, config, recorded, effective(version));
    }
  }
}
