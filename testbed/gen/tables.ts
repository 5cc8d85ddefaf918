/** The tables in test/data/tables: what tests expect, as rows that a reviewer reads beside the specification. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/** The content of test/data/tables/`name`.yaml; a key that is there twice is an error. */
export function readTable(name: string): unknown {
  const file = join(import.meta.dirname, "../../test/data/tables", `${name}.yaml`);
  return parse(readFileSync(file, "utf8"));
}

/** What a row says where Sluice deliberately does something else than the Apache operator. */
export interface Difference {
  /** What the Apache operator does. */
  readonly apache?: string;
  readonly why?: string;
}

/** Whether a row gives both or neither, and what it gives is a difference. */
export function isSound({ apache, why }: Difference, outcome: string): boolean {
  return apache === undefined ? why === undefined : apache !== outcome && (why ?? "") !== "";
}
