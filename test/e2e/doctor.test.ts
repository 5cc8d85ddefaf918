/** A few causes, made for real and named by `sluice doctor`; all of them in doctor.full.test.ts. */
import { beforeAll, describe, it } from "vitest";
import { attachCluster, type Cluster } from "../../testbed/scenario.ts";
import { nodeMissing } from "../support/node-testbed.ts";
import { isNamed, OF_FLINK, OF_PODS } from "./doctor.ts";

const CHOSEN = new Set(["image-pull", "unschedulable", "main-fails", "savepoint-missing"]);

let cluster: Cluster;
beforeAll(() => {
  if (!nodeMissing()) cluster = attachCluster();
});

describe.skipIf(nodeMissing())("sluice doctor names", () => {
  const chosen = [...OF_PODS, ...OF_FLINK].filter(({ cause }) => CHOSEN.has(cause));
  it.concurrent.each(chosen.map((trouble) => [trouble.cause, trouble] as const))("%s", (_, trouble) =>
    isNamed(cluster, trouble),
  );
});
