import { describe, expect, it } from "vitest";
import type { FlinkDeployment } from "../../api/flink-deployment.ts";
import { writeRecordedSpec } from "../last-reconciled-spec.ts";
import { deployedRestPort } from "./rest-port.ts";

function resource(wanted: unknown, deployed?: unknown): FlinkDeployment {
  const recorded =
    deployed === undefined
      ? {}
      : {
          lastReconciledSpec: writeRecordedSpec({
            spec: { flinkConfiguration: deployed },
            firstDeployment: false,
          }),
        };
  return {
    apiVersion: "flink.apache.org/v1beta1",
    kind: "FlinkDeployment",
    metadata: { name: "job" },
    spec: { flinkConfiguration: wanted },
    status: { reconciliationStatus: recorded },
  };
}

describe("the port of the deployed JobManager", () => {
  it.each([
    ["is Flink's own where nobody sets it", resource({}), {}, 8081],
    ["is the operator's default", resource({}), { "rest.port": "9000" }, 9000],
    ["is the resource's, nested as well", resource({ rest: { port: 9001 } }), { "rest.port": "9000" }, 9001],
    [
      "stays the deployed one while a change waits",
      resource({ "rest.port": 9002 }, { "rest.port": 9001 }),
      {},
      9001,
    ],
    ["stays Flink's own while the first setting waits", resource({ "rest.port": 9002 }, {}), {}, 8081],
    ["is Flink's own where the setting is no port", resource({ "rest.port": "x" }), {}, 8081],
  ])("%s", (_what, given, defaults, port) => {
    expect(deployedRestPort(given, defaults as Record<string, string>)).toBe(port);
  });
});
