/** The objects of a cluster of either mode. */
import { modeOf } from "../api/defaults.ts";
import type { ClusterInputs } from "./cluster-inputs.ts";
import { renderNativeCluster } from "./native-cluster.ts";
import type { RenderedCluster } from "./rendered-cluster.ts";
import { renderStandaloneCluster } from "./standalone-cluster.ts";

/** @throws InvalidClusterError when the job file asks for what Flink refuses too. */
export function renderCluster(inputs: ClusterInputs): RenderedCluster {
  return modeOf(inputs.spec) === "standalone" ? renderStandaloneCluster(inputs) : renderNativeCluster(inputs);
}
