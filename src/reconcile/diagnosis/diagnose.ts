/** Why is this job not well, and what is to be done? Evidence in, causes out, the most likely first. Pure. */
import type { Evidence } from "./evidence.ts";
import { isTroubled, jobRules, lastResorts, resourceRules, runningRules } from "./job-rules.ts";
import { podRules } from "./pod-rules.ts";
import { type Cause, diagnoseBy, type Rule } from "./rule.ts";
import { wordRules } from "./word-rules.ts";

/** From what everything else follows from, to what only is said when nothing better was found. */
export const rules: readonly Rule[] = [
  ...resourceRules,
  ...podRules,
  ...jobRules,
  ...wordRules,
  ...runningRules,
  ...lastResorts,
];

/** Of a job that runs well: what may become a trouble. */
const WARNINGS: readonly Rule[] = [...jobRules, ...runningRules.filter(({ id }) => id !== "main-fails")];

export interface Diagnosis {
  readonly troubled: boolean;
  readonly causes: readonly Cause[];
}

export function diagnose(evidence: Evidence): Diagnosis {
  const troubled = isTroubled(evidence);
  if (!troubled) {
    // Old words count for nothing here: only what Flink counts now.
    const causes = diagnoseBy(WARNINGS, { ...evidence, logs: [], events: [] });
    return { troubled, causes };
  }
  const known = diagnoseBy(rules.slice(0, -lastResorts.length), evidence);
  return { troubled, causes: known.length > 0 ? known : diagnoseBy(lastResorts, evidence).slice(0, 1) };
}
