/** Long steps show that they live: a line after a few seconds, then now and again, and one when they end. */

const quietUntil = 3_000;
const every = 15_000;

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(0)} s`;
}

/** Runs a step. A quick one prints nothing. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  let timer = setTimeout(function tick() {
    console.error(`  ${title} … ${seconds(started)}`);
    timer = setTimeout(tick, every);
  }, quietUntil);
  try {
    const result = await work();
    if (performance.now() - started > quietUntil) console.error(`  ${title}: ${seconds(started)}`);
    return result;
  } catch (error) {
    console.error(`  ${title}: failed after ${seconds(started)}`);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
