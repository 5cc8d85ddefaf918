/** A plan, for people. */
import type { Plan } from "../../reconcile/plan/plan.ts";
import { withoutSecrets } from "../../reconcile/diagnosis/without-secrets.ts";
import { isSecret } from "../../reconcile/spec-diff.ts";
import { leafChanges } from "./spec-changes.ts";

function list(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `  ${title}:\n${lines.map((line) => `    ${line}\n`).join("")}`;
}

export function planText({ kind, name, summary, changes, steps, risks }: Plan): string {
  // As ever for the most usual kind.
  const who = kind === "FlinkDeployment" ? name : `${kind} ${name}`;
  const changed = changes.flatMap((change) =>
    leafChanges(change).map((line) => `${line}   (${change.effect})`),
  );
  return [
    `${who} ${summary.replace(/\.$/, "")}.\n`,
    list("changes", changed),
    list(
      "steps",
      steps.map((step, nth) => `${nth + 1}. ${step}`),
    ),
    list(
      "at risk",
      risks.map((risk) => `- ${risk}`),
    ),
  ].join("");
}

/** For programs, without credentials. */
export function planData({ changes, ...plan }: Plan): object {
  const shown = changes.map(({ path, type, from, to, effect }) =>
    isSecret({ path, from, to })
      ? { path, type, effect, hidden: true }
      : { path, type, effect, from: withoutSecrets(from), to: withoutSecrets(to) },
  );
  return { ...plan, changes: shown };
}
