/** Vitest's global set-up of the end-to-end tests: one node testbed with one operator. Tests use `attachCluster()`. */
import { inject } from "vitest";
import type { TestProject } from "vitest/node";
import { isNodeUp, nodeObstacle, takeNodeDown, useNode } from "../../testbed/node.ts";
import { installOperator } from "../../testbed/scenario.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Why the end-to-end tests cannot run here; empty where they can. */
    nodeObstacle: string;
  }
}

/**
 * Uses the testbed that runs, and leaves it running; or brings one up, and takes it down at the end. With
 * SLUICE_TESTBED_IMAGES (names with commas) only those images are loaded.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const obstacle = nodeObstacle();
  project.provide("nodeObstacle", obstacle ?? "");
  if (obstacle !== undefined) {
    if (process.env["SLUICE_NOTHING_SKIPPED"] === "1") throw new Error(`end-to-end tests: ${obstacle}`);
    console.error(`end-to-end tests are skipped: ${obstacle}`);
    return undefined;
  }
  const wasUp = await isNodeUp();
  await useNode(process.env["SLUICE_TESTBED_IMAGES"]?.split(","));
  await installOperator();
  return wasUp ? undefined : takeNodeDown;
}

/** True where the node testbed cannot be: `describe.skipIf(nodeMissing())`. */
export function nodeMissing(): boolean {
  return inject("nodeObstacle") !== "";
}
