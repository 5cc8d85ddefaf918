/** What a pass does when its resource is not the operator's any more. */
import { expect, it } from "vitest";
import type { KubeObject } from "../api/kube-object.ts";
import { createLogger } from "../telemetry/log.ts";
import { PassShell } from "./pass-shell.ts";

const resource: KubeObject = { apiVersion: "v1", kind: "Any", metadata: { name: "one", namespace: "a" } };

/** A pass that writes a status and then acts twice; `leaveAt` is when the namespace is left alone. */
async function passThatLosesItsNamespace(leaveAt: string): Promise<{ done: string[]; outcome: unknown }> {
  const done: string[] = [];
  let isWatched = true;
  const step = (name: string): void => {
    done.push(name);
    if (name === leaveAt) isWatched = false;
  };
  const shell = new PassShell<KubeObject, { resource: KubeObject }, Decided>(
    {
      log: createLogger("silent"),
      write: async (one) => {
        step("status");
        return one;
      },
      tell: async () => undefined,
      isWatched: () => isWatched,
    },
    {
      fromCache: () => (step("cache"), { resource }),
      live: async () => (step("live"), { resource }),
      decide: async () => ({
        decision: {
          actions: [{ type: "one" }, { type: "two" }],
          status: { a: 1 },
          events: [],
          requeueAfter: 0,
        },
        execute: async ({ type }) => {
          step(type);
          return undefined;
        },
      }),
      isOptional: () => false,
      ended: () => step("end"),
      forget: () => step("forget"),
    },
  );
  return { done, outcome: await shell.pass("a/one") };
}

interface Decided {
  readonly actions: readonly { readonly type: string }[];
  readonly status: object;
  readonly events: readonly never[];
  readonly requeueAfter: number | undefined;
}

it.each<[string, string[]]>([
  ["never", ["cache", "live", "status", "one", "two", "end"]],
  ["cache", ["cache", "forget"]],
  ["live", ["cache", "live"]],
  ["status", ["cache", "live", "status"]],
  ["one", ["cache", "live", "status", "one"]],
])("left alone at %s: %j", async (leaveAt, expected) => {
  const { done, outcome } = await passThatLosesItsNamespace(leaveAt);
  expect(done).toEqual(expected);
  expect(outcome).toEqual(leaveAt === "never" ? { kind: "again", after: 0 } : { kind: "on-change" });
});
