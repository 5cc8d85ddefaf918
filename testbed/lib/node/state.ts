/** What a running node testbed says about itself, in a file, so that other processes can use and mend it. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Launch } from "../control-plane-processes.ts";
import { safely } from "../safely.ts";
import type { Programs } from "./components.ts";

export interface NodeState {
  readonly launch: Launch;
  readonly programs: Programs;
  readonly url: string;
  readonly caPem: string;
  readonly token: string;
  readonly kubeconfigPath: string;
}

function stateFile(dir: string): string {
  return join(dir, "testbed.json");
}

/** Undefined: there is none, or its `up` did not come to its end. */
export function readState(dir: string): NodeState | undefined {
  return safely(() => JSON.parse(readFileSync(stateFile(dir), "utf8")) as NodeState);
}

export function writeState(dir: string, state: NodeState): void {
  writeWhole(stateFile(dir), JSON.stringify(state, null, 2));
}

/** Writes a file so that nobody ever reads half of it. Makes its folder. */
export function writeWhole(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}
