/** `status.history` of the resources that run a spec: what really ran, oldest first (reconcile/history.ts). Sluice's own. */
import { type Static, Type } from "typebox";
import { field, Int64, StringEnum } from "./schema.ts";

export const HistoryOutcome = StringEnum("Deployed", "Stable", "Failed", "RolledBack", "Suspended");
export type HistoryOutcome = Static<typeof HistoryOutcome>;

export const HistoryEntry = Type.Object({
  revision: field(Int64, "Rises by one with each entry."),
  generation: field(Int64, "The resource's generation that the spec is of."),
  startTime: field(Type.String(), "When it was deployed, RFC 3339."),
  image: field(Type.String(), "Its image; a session job has that of its cluster."),
  jarURI: field(Type.String(), "Its jar, where it has no image of its own."),
  flinkVersion: field(Type.String(), "Its version of Flink, or its session cluster's."),
  restoredFrom: field(
    Type.String(),
    "What its first start restored: a path; `latest state`, by Flink's HA metadata; or `empty`.",
  ),
  outcome: field(
    HistoryOutcome,
    "What came of it: deployed and not proven yet, stable, failed, rolled back by Sluice, or suspended.",
  ),
  outcomeTime: field(Type.String(), "Since when, RFC 3339."),
  stableTime: field(Type.String(), "When it first proved itself, RFC 3339; absent if it never did."),
  message: field(Type.String(), "Why it failed or was rolled back; where its state is."),
  spec: field(
    Type.String(),
    "The spec as it was written, as JSON; the oldest ones are dropped when all together exceed 100 kB.",
  ),
});
export type HistoryEntry = Static<typeof HistoryEntry>;
