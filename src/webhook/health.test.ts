import { expect, it } from "vitest";
import { makeAuthority } from "./certificate.ts";
import { readiness } from "./health.ts";

const now = Date.parse("2026-06-01T00:00:00Z");
const { certificate: serving } = makeAuthority("a", { from: now - 60_000, lasts: 120_000 });
const { certificate: ended } = makeAuthority("a", { from: now - 120_000, lasts: 60_000 });
const well = { serving, problem: undefined, isEnding: false };

it.each([
  ["with a certificate", well, true, []],
  ["while it cannot be looked after", { ...well, problem: "forbidden" }, true, ["forbidden"]],
  ["before there is one", { ...well, serving: undefined }, false, ["no certificate yet"]],
  [
    "when there cannot be one",
    { ...well, serving: undefined, problem: "forbidden" },
    false,
    ["no certificate yet", "forbidden"],
  ],
  ["with one that has ended", { ...well, serving: ended }, false, ["the certificate has ended"]],
  ["when it ends itself", { ...well, isEnding: true }, false, ["ends"]],
])("%s", (_, state, isReady, notes) => {
  expect(readiness(state, now)).toEqual({ isReady, notes });
});
