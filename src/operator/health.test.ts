import { expect, it } from "vitest";
import { healthOf, readinessOf } from "./health.ts";
import type { NamespaceState } from "./watched-namespaces.ts";

const open = (namespace: string): NamespaceState => ({
  namespace,
  isOpen: true,
  isFollowed: true,
  problem: undefined,
});
const refused = (namespace: string | undefined): NamespaceState => ({
  namespace,
  isOpen: false,
  isFollowed: false,
  problem: "forbidden",
});
const opening: NamespaceState = { namespace: "new", isOpen: false, isFollowed: false, problem: undefined };

it.each<[string, NamespaceState[], boolean, boolean, string[]]>([
  ["before all is known", [open("a")], false, false, ["caches not complete"]],
  ["when all is open", [open("a"), open("b")], true, true, []],
  ["when one is not, and it is known why", [open("a"), refused("b")], true, true, ["b: forbidden"]],
  ["while one is added", [open("a"), opening], true, true, []],
  ["when none is open", [refused("a")], true, false, ["a: forbidden"]],
  [
    "when the API server is away",
    [{ ...open("a"), isFollowed: false, problem: "refused" }],
    true,
    false,
    ["a: refused"],
  ],
  ["when nothing can be read at all", [refused(undefined)], true, false, ["all namespaces: forbidden"]],
])("readiness %s", (_, states, isSettled, isReady, notes) => {
  expect(readinessOf(states, isSettled, undefined)).toEqual({ isReady, notes });
});

it("a standby is ready, and says who leads", () => {
  const role = "standby, a_1 leads";
  expect(readinessOf([open("a"), refused("b")], true, role)).toEqual({
    isReady: true,
    notes: [role, "b: forbidden"],
  });
  expect(readinessOf([], false, role)).toEqual({ isReady: false, notes: ["caches not complete"] });
});

it("is alive while canaries come by", () => {
  expect(healthOf([])).toEqual({ isReady: true, notes: [] });
  expect(healthOf(["FlinkDeployment a/b"])).toEqual({
    isReady: false,
    notes: ["canary FlinkDeployment a/b: its change did not come back"],
  });
});
