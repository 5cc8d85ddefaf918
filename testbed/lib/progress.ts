/** Long steps show that they live: a line when they start, one every few seconds, one when they end. */

const quietUntil = 3_000;
const every = 15_000;

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(0)} s`;
}

/** Runs a step. A quick one prints one line at its end; a slow one also says that it goes on. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  let timer = setTimeout(function tick() {
    console.error(`  ${title} … ${seconds(started)}`);
    timer = setTimeout(tick, every);
  }, quietUntil);
  try {
    const result = await work();
    console.error(`  ${title}: ${seconds(started)}`);
    return result;
  } catch (error) {
    console.error(`  ${title}: failed after ${seconds(started)}`);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
