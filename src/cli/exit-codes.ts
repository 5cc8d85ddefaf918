/** What `sluice` ends with. Stable: scripts rely on these numbers. */
import type { RefusalKind } from "../targets/target.ts";

export type ExitKind = RefusalKind | "done" | "usage" | "defect";

export const EXIT_CODES = {
  done: 0,
  act: 1,
  usage: 2,
  "timed-out": 3,
  "not-found": 4,
  locked: 5,
  defect: 70,
  interrupted: 130,
} as const satisfies Record<ExitKind, number>;

export const EXIT_MEANINGS: Readonly<Record<ExitKind, string>> = {
  done: "Done. `sluice plan`: nothing would change. `sluice doctor`: the job is well.",
  act: "A person has to do something: stderr says what is wrong and what to do. `sluice plan`: something would change. `sluice doctor`: the job is not well.",
  usage: "Wrong usage: no such command, option or value. `sluice plan`: also every other error.",
  "timed-out": "The time was up. Nothing is lost: what was asked for stays asked for.",
  "not-found": "There is no such job or resource.",
  locked: "Another command works on the job.",
  defect: "A defect of Sluice; stderr has what to report.",
  interrupted: "Ended by Ctrl-C.",
};
