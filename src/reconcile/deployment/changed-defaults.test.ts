/** Another default of the operator's is no change of a job: it counts from the next start on. */
import { expect, it } from "vitest";
import {
  edited,
  flinkDeployment,
  standalone,
  type ResourceChange,
  withJobState,
  withParallelism,
  withSpec,
} from "../../../testbed/gen/flink-deployment.ts";
import { running, stopped, suspended } from "../../../testbed/gen/recorded-status.ts";
import { gone, type SceneOf, up } from "../../../testbed/gen/steps.ts";
import { action, Trace } from "../../../testbed/gen/trace.ts";

const BEFORE = { "taskmanager.numberOfTaskSlots": "1", "s3.endpoint": "http://old" };
const AFTER = {
  "taskmanager.numberOfTaskSlots": "4",
  "s3.endpoint": "http://new",
  "kubernetes.rest-service.annotations": "a:1",
};

it.each<[string, ResourceChange[], SceneOf]>([
  ["a job", [running()], up("RUNNING")],
  ["a standalone cluster's job", [standalone(), running()], up("RUNNING")],
  ["a job with an Ingress", [withSpec({ ingress: { template: "a" } }), running()], up("RUNNING")],
  ["a suspended job", [withJobState("suspended"), suspended()], gone([])],
])("%s is left alone", (_, changes, scene) => {
  const resource = flinkDeployment(...changes);
  const before = new Trace(resource, { defaults: BEFORE });
  before.pass(scene(resource));
  const trace = new Trace(before.resource, { defaults: AFTER });
  for (let pass = 0; pass < 3; pass++) {
    const outcome = trace.pass(scene(trace.resource));
    expect(outcome).toMatchObject({ actions: [], events: [] });
    const { taskManager: _, ...status } = outcome.status;
    const { taskManager: __, ...unchanged } = before.resource.status!;
    expect(status).toEqual(unchanged);
  }
});

it("the next start has it", () => {
  const resource = flinkDeployment(stopped());
  edited(withParallelism(4))(resource);
  const trace = new Trace(resource, { defaults: AFTER });
  trace.pass(gone([])(trace.resource));
  const { inputs } = action(trace.pass(gone([])(trace.resource)), "create-cluster");
  expect(inputs.defaults).toEqual(AFTER);
});
