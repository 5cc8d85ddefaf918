/** The validation rules of specification 2.32, from test/data/tables/validation.yaml. */
import { describe, expect, it } from "vitest";
import { type Difference, isSound, readTable } from "../../../testbed/gen/tables.ts";
import type { FlinkDeployment, FlinkDeploymentSpec } from "../../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../../api/flink-session-job.ts";
import type { FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../../flink/configuration.ts";
import type { Finding } from "./finding.ts";
import { rules, validateFlinkDeployment } from "./flink-deployment.ts";
import { validateFlinkSessionJob } from "./flink-session-job.ts";
import { validateFlinkStateSnapshot } from "./flink-state-snapshot.ts";
import { wrongValues } from "./schema-check.ts";
import { subjectOf, withoutFields } from "./subject.ts";

interface Case extends Difference {
  readonly case: string;
  readonly name?: string;
  readonly spec: object;
  readonly operator?: FlinkConfiguration;
  readonly last?: FlinkDeploymentSpec;
  readonly findings: readonly string[];
}

interface Section {
  /** Its number in the specification; `sluice` or `schema` for those that are not there. */
  readonly rule: number | string;
  /** Name of the function. */
  readonly check?: string;
  readonly about: string;
  readonly cases: readonly Case[];
}

const table = readTable("validation") as {
  readonly application: FlinkDeploymentSpec;
  readonly flinkDeployment: readonly Section[];
  readonly flinkSessionJob: readonly (Case & { readonly cluster?: "application" | "unknown" })[];
  readonly flinkStateSnapshot: readonly (Case & { readonly status?: object; readonly exists?: boolean })[];
};

function inWords(findings: readonly Finding[]): string[] {
  return findings.map(
    ({ severity, path, message }) => `${severity === "error" ? "" : "warning: "}${path}: ${message}`,
  );
}

function resource(kind: string, spec: object, { name = "job", status }: { name?: string; status?: object }) {
  const header = { apiVersion: "flink.apache.org/v1beta1", metadata: { name, namespace: "team" } };
  return { ...header, kind, spec, ...(status === undefined ? {} : { status }) } as KubeObject;
}

function deploymentOf({ spec, ...row }: Case): FlinkDeployment {
  return resource("FlinkDeployment", { ...table.application, ...spec }, row) as FlinkDeployment;
}

/** The operator's options under the resource's own. */
function effective({ operator }: Case, { spec }: FlinkDeployment): FlinkConfiguration {
  return { ...operator, ...flattenConfiguration(spec.flinkConfiguration) };
}

/** What one rule alone has to say. */
function saidBy(check: string | undefined, row: Case): readonly Finding[] {
  const deployment = deploymentOf(row);
  const wrong = wrongValues(deployment);
  if (check === undefined) return wrong;
  const last = row.last && { spec: row.last };
  const subject = subjectOf(withoutFields(deployment, wrong), effective(row, deployment), last, row.operator);
  return rules.find(({ name }) => name === check)?.(subject) ?? [];
}

describe("a FlinkDeployment (specification 2.32)", () => {
  it("has every rule of the specification, and every rule of the code, in order", () => {
    const numbered = table.flinkDeployment.filter(({ rule }) => typeof rule === "number");
    expect(numbered.map(({ rule }) => rule)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const checks = table.flinkDeployment.flatMap(({ check }) => check ?? []);
    expect(checks).toEqual(rules.map(({ name }) => name));
  });

  describe.each(table.flinkDeployment)("rule $rule: $about", ({ check, cases }) => {
    it("is broken by some case, and kept by some", () => {
      const broken = cases.map((row) => saidBy(check, row).length > 0);
      expect(broken).toContain(true);
      expect(broken).toContain(false);
    });

    it.each(cases)("$case", (row) => {
      const deployment = deploymentOf(row);
      const last = row.last && { spec: row.last };
      const found = validateFlinkDeployment(deployment, effective(row, deployment), last, row.operator);
      expect(inWords(found)).toEqual(row.findings);
      expect(isSound(row, "")).toBe(true);
    });
  });
});

describe("a FlinkSessionJob (specification 2.32)", () => {
  it.each(table.flinkSessionJob)("$case", (row) => {
    const spec = row.cluster === "application" ? { job: { parallelism: 1 } } : {};
    const cluster = resource("FlinkDeployment", spec, { name: "session" }) as FlinkDeployment;
    const operator = row.operator ?? {};
    const found = validateFlinkSessionJob(resource("FlinkSessionJob", row.spec, row) as FlinkSessionJob, {
      effective: operator,
      operator,
      session: row.cluster === "unknown" ? undefined : cluster,
    });
    expect(inWords(found)).toEqual(row.findings);
  });
});

describe("a FlinkStateSnapshot (specification 2.32)", () => {
  it.each(table.flinkStateSnapshot)("$case", (row) => {
    const snapshot = resource("FlinkStateSnapshot", row.spec, row) as FlinkStateSnapshot;
    expect(inWords(validateFlinkStateSnapshot(snapshot, row.exists))).toEqual(row.findings);
  });
});
