/** Causes as data: what each looks like, why it happens, what to do. `docs/doctor.md` is made of these. */
import { type Evidence, quote, type Utterance, utterances } from "./evidence.ts";

export interface Finding {
  /** Lines, the most telling first. */
  readonly evidence: readonly string[];
  /** In place of the rule's own, where the evidence allows a better one. */
  readonly next?: string;
}

export interface Rule {
  readonly id: string;
  /** One line, as a sentence. */
  readonly title: string;
  /** By what it is recognised, for the page. */
  readonly seen: string;
  readonly why: string;
  readonly next: string;
  /** Undefined: not the cause. */
  readonly find: (evidence: Evidence, said: readonly Utterance[]) => Finding | undefined;
}

const MAX_LINES = 4;

/** A cause that gives itself away by what is said: in exceptions, last words, logs, events or the status. */
export function byWords(rule: Omit<Rule, "find">, pattern: RegExp): Rule {
  return {
    ...rule,
    find: (_, said) => {
      const telling = said.filter(({ text }) => pattern.test(text)).slice(0, MAX_LINES);
      return telling.length === 0 ? undefined : { evidence: telling.map((one) => quote(one, pattern)) };
    },
  };
}

export interface Cause extends Omit<Rule, "find" | "seen"> {
  readonly evidence: readonly string[];
}

/** The causes that the evidence speaks for, the most likely first: `rules` are in the order from root to symptom. */
export function diagnoseBy(rules: readonly Rule[], evidence: Evidence): readonly Cause[] {
  const said = utterances(evidence);
  return rules.flatMap(({ id, title, why, next, find }) => {
    const found = find(evidence, said);
    if (found === undefined) return [];
    return [{ id, title, why, next: found.next ?? next, evidence: found.evidence.slice(0, MAX_LINES) }];
  });
}
