/** Every cause that can be made here, made for real and named by `sluice doctor`. */
import { beforeAll, describe, it } from "vitest";
import { attachCluster, type Cluster } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";
import { isNamed, OF_FLINK, OF_PODS } from "./doctor.ts";

let cluster: Cluster;
beforeAll(() => {
  if (!nodeMissing()) cluster = attachCluster();
});

describe.skipIf(nodeMissing())("sluice doctor names", () => {
  it.concurrent.each([...OF_PODS, ...OF_FLINK].map((trouble) => [trouble.cause, trouble] as const))(
    "%s",
    (_, trouble) => isNamed(cluster, trouble),
  );
});
