import { expect, it } from "vitest";
import {
  flinkDeployment,
  type ResourceChange,
  standalone,
  withSpec,
} from "../../../testbed/gen/flink-deployment.ts";
import { flattenConfiguration } from "../../flink/configuration.ts";
import { validateFlinkDeployment } from "./flink-deployment.ts";

const session = withSpec({ job: undefined });

it.each<[string, ResourceChange[], string[]]>([
  ["a native session cluster, where nobody makes them", [session], ["warning spec.taskManager.replicas"]],
  ["a standalone one", [session, standalone()], []],
  ["a job", [], []],
])("TaskManager replicas of %s", (_, changes, expected) => {
  const replicas = withSpec({ taskManager: { replicas: 2, resource: { memory: "2g" } } });
  const resource = flinkDeployment(replicas, ...changes);
  const findings = validateFlinkDeployment(resource, flattenConfiguration(resource.spec.flinkConfiguration));
  expect(findings.map(({ severity, path }) => `${severity} ${path}`)).toEqual(expected);
});
