/** Where the deployed JobManager answers: by what was deployed, which an edit of `rest.port` has not changed yet. */
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import {
  type FlinkConfiguration,
  flattenConfiguration,
  getNumber,
  type Option,
} from "../../flink/configuration.ts";
import { REST_PORT } from "../../flink/options.ts";
import { deployedSpec } from "../last-reconciled-spec.ts";

/** `defaults`: the operator's for this resource. `option`: whose port; the Service's unless given. */
export function deployedRestPort(
  resource: FlinkDeployment,
  defaults: FlinkConfiguration,
  option: Option = REST_PORT,
): number {
  const recorded = deployedSpec(resource.status?.reconciliationStatus ?? {})?.spec;
  const own = flattenConfiguration((recorded ?? resource.spec).flinkConfiguration);
  const port = getNumber({ ...defaults, ...own }, option);
  return port !== undefined && Number.isInteger(port) && port > 0 ? port : Number(REST_PORT.default);
}
