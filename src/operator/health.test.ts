import { expect, it } from "vitest";
import { readinessOf } from "./health.ts";
import type { NamespaceState } from "./watched-namespaces.ts";

const open = (namespace: string): NamespaceState => ({ namespace, isOpen: true, problem: undefined });
const refused = (namespace: string | undefined): NamespaceState => ({
  namespace,
  isOpen: false,
  problem: "forbidden",
});
const opening: NamespaceState = { namespace: "new", isOpen: false, problem: undefined };

it.each<[string, NamespaceState[], boolean, boolean, string[]]>([
  ["before all is known", [open("a")], false, false, ["caches not complete"]],
  ["when all is open", [open("a"), open("b")], true, true, []],
  ["when one is not, and it is known why", [open("a"), refused("b")], true, true, ["b: forbidden"]],
  ["while one is added", [open("a"), opening], true, true, []],
  ["when none is open", [refused("a")], true, false, ["a: forbidden"]],
  ["when nothing can be read at all", [refused(undefined)], true, false, ["all namespaces: forbidden"]],
])("readiness %s", (_, states, isSettled, isReady, notes) => {
  expect(readinessOf(states, isSettled)).toEqual({ isReady, notes });
});
