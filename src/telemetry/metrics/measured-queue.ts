/** Work queues, under the names that controllers of controller-runtime have. */
import type { QueueObserver, WorkQueue } from "../../kube/work-queue.ts";
import type { Family } from "./description.ts";
import { SCRAPED } from "./descriptions.ts";
import type { Metrics } from "./metrics.ts";

export function queueObserver({ record }: Metrics, name: string): QueueObserver {
  return {
    added: () => record.queueAdds.inc({ name }),
    retried: () => record.queueRetries.inc({ name }),
    taken: (milliseconds) => record.queueSeconds.observe({ name }, milliseconds / 1000),
    done: (milliseconds) => record.workSeconds.observe({ name }, milliseconds / 1000),
  };
}

export function measureQueue(metrics: Metrics, name: string, queue: WorkQueue): void {
  const labels = { name };
  metrics.add(`queue ${name}`, (): Family[] => {
    const running = queue.runningFor();
    const unfinished = running.reduce((sum, milliseconds) => sum + milliseconds, 0);
    const longest = Math.max(0, ...running);
    return [
      { description: SCRAPED.queueDepth, samples: [{ labels, value: queue.length }] },
      { description: SCRAPED.queueUnfinished, samples: [{ labels, value: unfinished / 1000 }] },
      { description: SCRAPED.queueLongest, samples: [{ labels, value: longest / 1000 }] },
      {
        description: SCRAPED.activeWorkers,
        samples: [{ labels: { controller: name }, value: queue.active }],
      },
    ];
  });
}
