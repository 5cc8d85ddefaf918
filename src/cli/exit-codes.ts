/** What the commands for one job end with when they are not done. */
import type { RefusalKind } from "../targets/target.ts";

export const EXIT_CODES: Readonly<Record<RefusalKind, number>> = {
  /** As for every command: a person has to do something first. */
  act: 1,
  /** The time was up. Nothing was lost: the same command goes on from there. */
  "timed-out": 3,
  /** There is no such job. */
  "not-found": 4,
  /** Another command works on the job. */
  locked: 5,
  /** As shells have it for Ctrl-C. */
  interrupted: 130,
};
