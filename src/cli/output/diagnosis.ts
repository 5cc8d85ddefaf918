/** What the doctor found, for people. */
import type { Diagnosis } from "../../reconcile/diagnosis/diagnose.ts";
import type { Evidence } from "../../reconcile/diagnosis/evidence.ts";
import type { Cause } from "../../reconcile/diagnosis/rule.ts";

function causeText({ id, title, evidence, why, next }: Cause): string {
  const lines = evidence.map((line) => `    ${line}\n`).join("");
  return `  ${title} (${id})\n${lines}  why:   ${why}\n  next:  ${next}\n`;
}

function lookedAt({ pods, events, logs, flink, unseen = [] }: Evidence): string {
  const answers = Object.entries(flink).filter(([, answer]) => answer.ok);
  const rest =
    answers.length === 0
      ? "Flink did not answer"
      : `Flink's answers (${answers.map(([name]) => name).join(", ")})`;
  const missed = unseen.map((what) => `Could not look at ${what}\n`).join("");
  return `Looked at: status, ${pods.length} pods, ${events.length} events, ${logs.length} logs, ${rest}.\n${missed}`;
}

/** Others beside the first, which may only follow from it. */
const MAX_OTHERS = 2;

export function diagnosisText(evidence: Evidence, { troubled, causes }: Diagnosis): string {
  const { metadata, status } = evidence.resource;
  const state = [status?.lifecycleState, status?.jobStatus?.state]
    .filter((word) => word !== undefined)
    .join(", ");
  const words = state === "" ? "no status" : state;
  const verdict = troubled ? "is not well" : causes.length > 0 ? "runs, with a warning" : "is well";
  const [first, ...others] = causes;
  return [
    `${metadata.name} ${verdict} (${words}).\n`,
    first === undefined ? "" : `\n${troubled ? "Most likely" : "Warning"}:\n${causeText(first)}`,
    others.length === 0
      ? ""
      : `\nBesides, or because of it:\n${others.slice(0, MAX_OTHERS).map(causeText).join("\n")}`,
    troubled && first === undefined ? "\nNo cause was found in what could be looked at.\n" : "",
    `\n${lookedAt(evidence)}`,
  ].join("");
}
