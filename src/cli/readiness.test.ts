import { describe, expect, it } from "vitest";
import type { FlinkDeployment } from "../api/flink-deployment.ts";
import type { Condition } from "../api/kube-object.ts";
import { flinkDeployment } from "../../testbed/gen/flink-deployment.ts";
import { readinessOf } from "./readiness.ts";

type Status = NonNullable<FlinkDeployment["status"]>;

function condition(type: string, status: Condition["status"], observedGeneration = 2): Condition {
  return { type, status, reason: "Why", message: "because\nso", lastTransitionTime: "", observedGeneration };
}
const ready = (status: Condition["status"], generation?: number) => condition("Ready", status, generation);
const stalled = (status: Condition["status"]) => condition("Stalled", status);

describe("readiness for generation 2", () => {
  it.each<[string, Status | undefined, string, RegExp]>([
    ["no status", undefined, "waiting", /no operator has looked/],
    ["Ready", { conditions: [ready("True"), stalled("False")] }, "ready", /^: Why: because so$/],
    ["Ready for what was before", { conditions: [ready("True", 1)] }, "waiting", /not seen the change yet/],
    ["at work", { conditions: [ready("False"), stalled("False")] }, "waiting", /Why/],
    ["stalled", { conditions: [ready("False"), stalled("True")] }, "stalled", /Why/],
    [
      "Apache's operator: done",
      { observedGeneration: 2, lifecycleState: "STABLE", jobStatus: { state: "RUNNING" } },
      "ready",
      /^STABLE RUNNING$/,
    ],
    ["Apache's operator: before", { observedGeneration: 1, lifecycleState: "STABLE" }, "waiting", /STABLE/],
    [
      "Apache's operator: failed",
      { observedGeneration: 2, lifecycleState: "FAILED", error: '{"message":"no\\nslots"}' },
      "stalled",
      /^FAILED: no slots$/,
    ],
  ])("%s", (_what, status, state, text) => {
    const resource = { ...flinkDeployment(), ...(status === undefined ? {} : { status }) };
    const found = readinessOf(resource, 2);
    expect(found.state).toBe(state);
    expect(found.text).toMatch(text);
  });
});
