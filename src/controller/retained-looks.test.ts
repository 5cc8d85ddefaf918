import { describe, expect, it } from "vitest";
import type { RetainedAnswer, RetainedQuestion } from "../reconcile/decision.ts";
import { createLogger } from "../telemetry/log.ts";
import { RetainedLooks } from "./retained-looks.ts";

const question: RetainedQuestion = { jobId: "a", places: [], savepoints: [] };
const found: RetainedAnswer = { kind: "found", path: "s3://x/chk-1", checkpointId: 1, completed: 0 };
const none: RetainedAnswer = { kind: "none" };
const unreadable: RetainedAnswer = { kind: "unreadable", message: "timeout", mendable: false };

class Storage {
  now = 0;
  asked = 0;
  answer: RetainedAnswer = none;
  readonly looks = new RetainedLooks(
    () => {
      this.asked++;
      return Promise.resolve(this.answer);
    },
    () => this.now,
    createLogger("silent"),
  );
}

describe("looks at the state storage", () => {
  it("are never answered from memory when there is something: it may not be the newest any more", async () => {
    const storage = new Storage();
    storage.answer = found;
    expect(await storage.looks.look("ns/job", question)).toBe(found);
    expect(storage.looks.recent("ns/job", question)).toBeUndefined();
    await storage.looks.look("ns/job", question);
    expect(storage.asked).toBe(2);
  });

  it("that found nothing are remembered for a minute, and asked anew by who is about to act", async () => {
    const storage = new Storage();
    await storage.looks.look("ns/job", question);
    storage.now = 59_999;
    expect(storage.looks.recent("ns/job", question)).toBe(none);
    expect(storage.looks.recent("ns/other", question)).toBeUndefined();
    expect(storage.looks.recent("ns/job", { ...question, jobId: "b" })).toBeUndefined();
    storage.answer = found;
    expect(await storage.looks.look("ns/job", question)).toBe(found);
    expect(storage.looks.recent("ns/job", question)).toBeUndefined();
  });

  it("that found nothing come again after that minute", async () => {
    const storage = new Storage();
    await storage.looks.look("ns/job", question);
    storage.now = 60_000;
    expect(storage.looks.recent("ns/job", question)).toBeUndefined();
  });

  it("back off while the storage cannot be read, up to five minutes, and begin anew after it could", async () => {
    const storage = new Storage();
    storage.answer = unreadable;
    const pauses: number[] = [];
    for (let round = 0; round < 10; round++) {
      await storage.looks.look("ns/job", question);
      const since = storage.now;
      const asked = storage.asked;
      while (storage.looks.recent("ns/job", question) !== undefined) {
        expect(await storage.looks.look("ns/job", question)).toBe(unreadable);
        storage.now += 1000;
      }
      expect(storage.asked).toBe(asked);
      pauses.push((storage.now - since) / 1000);
    }
    expect(pauses).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    storage.answer = none;
    await storage.looks.look("ns/job", question);
    storage.now += 60_000;
    storage.answer = unreadable;
    await storage.looks.look("ns/job", question);
    storage.now += 2000;
    expect(storage.looks.recent("ns/job", question)).toBeUndefined();
  });

  it("to another question do not wait", async () => {
    const storage = new Storage();
    storage.answer = unreadable;
    await storage.looks.look("ns/job", question);
    await storage.looks.look("ns/job", { ...question, jobId: "b" });
    expect(storage.asked).toBe(2);
    storage.looks.forget("ns/job");
    expect(storage.looks.recent("ns/job", { ...question, jobId: "b" })).toBeUndefined();
  });
});
