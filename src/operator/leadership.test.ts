import { expect, test } from "vitest";
import { leaseOptions, Term } from "./leadership.ts";

const key = "kubernetes.operator.leader-election";

test("the configuration asks for leader election as the Apache operator's does, or the command line does", () => {
  expect(leaseOptions(false, "here", {})).toBeUndefined();
  const usual = {
    namespace: "here",
    name: "sluice-operator",
    leaseDurationMs: 15_000,
    renewDeadlineMs: 10_000,
    retryPeriodMs: 2000,
  };
  expect(leaseOptions(true, "here", {})).toEqual(usual);
  const configuration = {
    [`${key}.enabled`]: "true",
    [`${key}.lease-name`]: "other",
    [`${key}.lease-duration`]: "30 s",
    [`${key}.renew-deadline`]: "20 s",
    [`${key}.retry-period`]: "PT5S",
  };
  expect(leaseOptions(false, "here", configuration)).toEqual({
    namespace: "here",
    name: "other",
    leaseDurationMs: 30_000,
    renewDeadlineMs: 20_000,
    retryPeriodMs: 5000,
  });
});

test("a term that is over, or lost, never acts again, whoever leads then", () => {
  let isLeader = true;
  const losing = new AbortController();
  const term = new Term(() => isLeader, losing.signal);
  expect(term.mayAct).toBe(true);
  isLeader = false;
  expect(term.mayAct).toBe(false);
  isLeader = true;
  expect(term.mayAct).toBe(true);
  losing.abort();
  expect(term.mayAct).toBe(false);
  const ended = new Term(() => true, new AbortController().signal);
  ended.end();
  expect(ended.mayAct).toBe(false);
});
