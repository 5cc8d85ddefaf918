/** Answers of real Flink, written down by record.ts: what the scripted server says is made of these. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Version } from "./local-flink.ts";

export interface Recorded {
  readonly status: number;
  readonly body: unknown;
}

/** By the call, `GET /jobs/overview`, with the ids below. */
export type Recording = Readonly<Record<string, Recorded>>;

/** What a cluster was recorded in. */
export type Situation =
  | "running"
  | "checkpoint-triggered"
  | "savepoint-in-progress"
  | "savepoint-completed"
  | "savepoint-failed"
  | "stop-in-progress"
  | "stop-completed"
  | "restored"
  | "stop-failed"
  | "stop-broken"
  | "stop-twice"
  | "finished"
  | "canceled"
  | "failed"
  | "restarting"
  | "disposed"
  | "unknown"
  | "no-checkpoints"
  | "no-checkpoints-canceled"
  | "adaptive"
  | "driver-failed"
  | "application-failed"
  | "jar-run"
  | "jar-run-twice"
  | "jar-run-throws"
  | "jar-run-not-restored"
  | "jar-gone";

/** The ids that stand in the recordings for those that Flink and the recorder made. */
export const JOB = "0000000000000000000000000000000a";
export const TRIGGER = "0000000000000000000000000000000b";
export const OTHER_TRIGGER = "0000000000000000000000000000000c";
export const APPLICATION = "0000000000000000000000000000000d";
export const JAR = "00000000-0000-0000-0000-00000000000e_recorded.jar";
export const UNKNOWN = "0000000000000000000000000000000f";

const folder = join(import.meta.dirname, "recordings");

export function recordingFile(version: Version, situation: Situation): string {
  return join(folder, version, `${situation}.json`);
}

const loaded = new Map<string, Recording>();

/** Throws for a situation that the version does not have. */
export function loadRecording(version: Version, situation: Situation): Recording {
  const file = recordingFile(version, situation);
  const found = loaded.get(file) ?? (JSON.parse(readFileSync(file, "utf8")) as Recording);
  loaded.set(file, found);
  return found;
}
