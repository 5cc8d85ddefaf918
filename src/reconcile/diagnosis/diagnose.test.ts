import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { flinkDeployment, NOW } from "../../../testbed/gen/flink-deployment.ts";
import { running } from "../../../testbed/gen/recorded-status.ts";
import { checkpoints, exceptions, job, ok } from "../../../testbed/gen/flink-answers.ts";
import { diagnose, rules } from "./diagnose.ts";
import type { Evidence } from "./evidence.ts";
import { withoutSecrets } from "./without-secrets.ts";

const RECORDED = join(import.meta.dirname, "../../../test/data/doctor");

/** What was looked at while real Flink on real Kubernetes had the trouble (test/e2e/doctor.ts, with SLUICE_RECORD=1). */
describe("of what was recorded from real failures, the cause is", () => {
  const files = readdirSync(RECORDED).sort();

  it.each(files.map((file) => [file.replace(".json", ""), file]))("%s", (cause, file) => {
    const text = readFileSync(join(RECORDED, file), "utf8");
    const { causes } = diagnose(JSON.parse(text) as Evidence);
    expect(causes[0]?.id).toBe(cause);
    expect(causes[0]?.evidence.length).toBeGreaterThan(0);
    expect(text).not.toMatch(/sluice-test-secret/);
  });

  it("at least fifteen", () => {
    expect(files.length).toBeGreaterThanOrEqual(15);
  });
});

/** A job that runs well. */
function well(changes: Partial<Evidence> = {}): Evidence {
  const resource = flinkDeployment(running());
  const common = {
    reason: "Running",
    message: "the job is RUNNING",
    lastTransitionTime: "2026-03-01T11:00:00Z",
  };
  const conditions = [{ type: "Ready", status: "True" as const, observedGeneration: 1, ...common }];
  return {
    now: NOW,
    resource: { ...resource, status: { ...resource.status, lifecycleState: "STABLE", conditions } },
    deployments: [],
    pods: [],
    events: [],
    logs: [],
    flink: { jobs: ok([job("RUNNING")]), exceptions: exceptions() },
    ...changes,
  };
}

const OLD_TROUBLE = "ERROR something\nCaused by: java.net.UnknownHostException: storage.example";

describe("a job that runs well", () => {
  it("has no cause, whatever its logs remember", () => {
    const logs = [{ pod: "job-1", component: "jobmanager", previous: false, text: OLD_TROUBLE }];
    expect(diagnose(well({ logs }))).toEqual({ troubled: false, causes: [] });
  });

  it("and restarted a while ago, neither", () => {
    const trace = { timestamp: NOW - 3_600_000, stacktrace: OLD_TROUBLE };
    expect(diagnose(well({ flink: { exceptions: exceptions(trace) } }))).toEqual({
      troubled: false,
      causes: [],
    });
  });

  it("has a warning when its newest checkpoint has failed, and none when one has completed since", () => {
    const failed = {
      id: 7,
      status: "FAILED" as const,
      failureMessage: "Checkpoint expired before completing.",
    };
    const counts = { completed: 1, failed: 6, inProgress: 0, restored: 0, total: 7 };
    const before = checkpoints({ failed, completed: { id: 6 } }, { counts, history: [failed] });
    const found = diagnose(well({ flink: { checkpoints: before } }));
    expect([found.troubled, found.causes.map(({ id }) => id)]).toEqual([
      false,
      ["checkpoint-timeout", "checkpoint-failing"],
    ]);
    expect(found.causes[0]?.evidence[0]).toBe("6 of 7 checkpoints failed, 1 completed");
    const since = checkpoints({ failed, completed: { id: 8 } }, { counts, history: [failed] });
    expect(diagnose(well({ flink: { checkpoints: since } })).causes).toEqual([]);
  });

  it("has a warning under back pressure, with the operator that is the reason", () => {
    const vertex = { parallelism: 1, busy: 0.1, backPressured: 0.9 };
    const pressure = ok([
      { ...vertex, id: "1", name: "Source" },
      { ...vertex, id: "2", name: "Slow sink", busy: 0.98, backPressured: 0 },
    ]);
    const [cause] = diagnose(well({ flink: { pressure } })).causes;
    expect(cause).toMatchObject({
      id: "back-pressure",
      evidence: ["Slow sink: busy 98 % (parallelism 1)", "Source: back-pressured 90 %"],
    });
  });
});

describe("a job that is not well", () => {
  it("has the cause that everything else follows from first", () => {
    const trace = {
      timestamp: NOW - 1000,
      stacktrace:
        "org.apache.flink.runtime.JobException: Recovery is suppressed\nCaused by: NoResourceAvailableException: Could not acquire the minimum required resources.",
    };
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "job-taskmanager-1-1", labels: { component: "taskmanager" } },
      status: {
        conditions: [
          {
            type: "PodScheduled",
            status: "False",
            reason: "Unschedulable",
            message: "0/1 nodes: Insufficient cpu.",
          },
        ],
      },
    };
    const { causes } = diagnose(well({ pods: [pod], flink: { exceptions: exceptions(trace) } }));
    expect(causes.map(({ id }) => id)).toEqual(["unschedulable", "no-slots"]);
    expect(causes[0]?.evidence).toEqual([
      "taskmanager job-taskmanager-1-1: Unschedulable: 0/1 nodes: Insufficient cpu.",
    ]);
  });

  it("whose resource nobody looks at, says so", () => {
    const resource = flinkDeployment(
      ({ metadata }) => void (metadata.creationTimestamp = new Date(NOW - 60_000).toISOString()),
    );
    expect(diagnose(well({ resource, flink: {} })).causes.map(({ id }) => id)).toEqual(["no-operator"]);
  });

  it("has its own exception as the cause when no rule knows a better one", () => {
    const trace = { timestamp: NOW - 1000, stacktrace: "my.OwnException: no such customer\n\tat my.Job" };
    const { causes } = diagnose(well({ flink: { exceptions: exceptions(trace) } }));
    expect(causes).toMatchObject([
      { id: "exception", evidence: ["exception of the job: my.OwnException: no such customer"] },
    ]);
  });
});

it("every rule has an id of its own, and says what is seen, why, and what to do", () => {
  expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
  for (const rule of rules) {
    expect(rule.id).toMatch(/^[a-z]+(-[a-z]+)*$/);
    for (const text of [rule.title, rule.seen, rule.why, rule.next]) expect(text).toMatch(/\S.*[.…)]$/);
  }
});

describe("evidence without secrets", () => {
  it("hides what has a credential's name, in values, variables, JSON texts and addresses", () => {
    const secret = "t0p";
    const spec = {
      flinkConfiguration: {
        "s3.secret-key": secret,
        s3: { "access-key": secret },
        "s3.endpoint": "http://s3",
      },
      env: [
        { name: "DB_PASSWORD", value: secret },
        { name: "PLAIN", value: "seen" },
      ],
    };
    const hidden = withoutSecrets({
      metadata: { annotations: { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify(spec) } },
      spec,
      lastReconciledSpec: JSON.stringify({ spec }),
      message: `cannot reach s3://key:${secret}@bucket/path`,
    });
    const text = JSON.stringify(hidden);
    expect(text).not.toContain(secret);
    expect(text).toContain("http://s3");
    expect(text).toContain("seen");
    expect(text).toContain("s3://***@bucket/path");
  });
});
