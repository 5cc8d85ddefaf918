/** The rules in the hands of Prometheus' own tool: each alert fires where it should, and is silent where it should. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Metrics } from "../../../src/telemetry/metrics/metrics.ts";
import { repository } from "../../../testbed/lib/paths.ts";
import { promtool } from "../../../testbed/prometheus.ts";
import { alerts } from "../../../src/monitoring/alerts.ts";
import { ruleTests } from "../../../tools/generate/monitoring/rules.ts";

const folder = join(repository, "deploy/alerts");
let scratch: string;
beforeAll(() => void (scratch = mkdtempSync(join(tmpdir(), "sluice-rules-"))));
afterAll(() => rmSync(scratch, { recursive: true }));

it("the rules are as Prometheus reads them", async () => {
  const { code, stdout, stderr } = await promtool(["check", "rules", join(folder, "rules.yaml")]);
  expect(stdout + stderr).toContain(`SUCCESS: ${alerts.length} rules found`);
  expect(code).toBe(0);
});

it("each alert fires, and is silent", async () => {
  for (const { silent } of alerts) expect(silent.length).toBeGreaterThan(0);
  const { code, stdout, stderr } = await promtool(["test", "rules", join(folder, "rules.test.yaml")]);
  expect(code, stdout + stderr).toBe(0);
});

it.each(alerts.map((alert) => [alert.name, alert] as const))(
  "the test of %s notices when it never fires",
  async (name, alert) => {
    const rules = readFileSync(join(folder, "rules.yaml"), "utf8");
    const broken = rules.replace(
      new RegExp(`(alert: ${name}\\n +expr: ).*`),
      (_, start: string) => `${start}vector(1) > 2`,
    );
    expect(broken).not.toBe(rules);
    writeFileSync(join(scratch, "rules.yaml"), broken);
    writeFileSync(join(scratch, "rules.test.yaml"), ruleTests([alert]));
    const { code, stdout, stderr } = await promtool(["test", "rules", join(scratch, "rules.test.yaml")]);
    expect(code, "the tests pass without the rule").not.toBe(0);
    expect(stdout + stderr).toContain(name);
  },
);

it("what the operator answers is as Prometheus reads it", async () => {
  const metrics = new Metrics();
  metrics.record.reconciles.inc({ controller: "flinkdeployment", result: "success" });
  metrics.record.leader.set(1);
  const { stdout, stderr } = await promtool(["check", "metrics"], await metrics.text());
  // Node's own metrics are not all to promtool's taste; what cannot be read is an error of another kind.
  expect(stdout + stderr).not.toMatch(/error while linting|parsing error/i);
});
