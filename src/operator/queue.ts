/** The queue of a controller: passes, and when to come again. */
import type { PassOutcome } from "../controller/pass-shell.ts";
import { WorkQueue } from "../kube/work-queue.ts";
import type { Logger } from "../telemetry/log.ts";
import { measureQueue, queueObserver } from "../telemetry/metrics/measured-queue.ts";
import type { Metrics } from "../telemetry/metrics/metrics.ts";

interface Controller {
  /** As metrics call it. */
  readonly name: string;
  readonly pass: (key: string) => Promise<PassOutcome>;
}

/** controller-runtime's words. */
const RESULTS = { again: "requeue_after", retry: "requeue", "on-change": "success" } as const;

export function createQueue(
  controller: Controller,
  metrics: Metrics,
  workers: number,
  log: Logger,
): WorkQueue {
  const labels = { controller: controller.name };
  const { reconciles, reconcileErrors, reconcileSeconds, maxConcurrent } = metrics.record;
  maxConcurrent.set(labels, workers);
  const queue: WorkQueue = new WorkQueue({
    concurrency: workers,
    handle: async (key) => {
      const stop = reconcileSeconds.startTimer(labels);
      const outcome = await controller.pass(key).finally(() => stop());
      reconciles.inc({ ...labels, result: RESULTS[outcome.kind] });
      if (outcome.kind === "retry") queue.retry(key);
      if (outcome.kind === "again") {
        // Spread out, so that a thousand quiet jobs are not asked in one second.
        const jitter = outcome.after > 5000 ? outcome.after * 0.2 * Math.random() : 0;
        queue.addAfter(key, outcome.after - jitter);
      }
    },
    onError: (key, error) => {
      reconciles.inc({ ...labels, result: "error" });
      reconcileErrors.inc(labels);
      log.error(
        { key, error: error instanceof Error ? error.message : String(error) },
        "pass failed, trying again",
      );
    },
    observer: queueObserver(metrics, controller.name),
    backoffBaseMs: 500,
    backoffMaxMs: 60_000,
  });
  measureQueue(metrics, controller.name, queue);
  return queue;
}
