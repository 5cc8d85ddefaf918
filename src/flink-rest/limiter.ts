/** At most so many at a time; the others wait in line, each until its own signal says otherwise. */

export class Limiter {
  readonly #most: number;
  readonly #line = new Set<() => void>();
  #underWay = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** Runs `work` when it is its turn. Rejects with the signal's reason when that comes first. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#turn(signal);
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (this.#underWay < this.#most) {
      this.#underWay++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener("abort", giveUp);
        resolve();
      };
      const giveUp = () => {
        this.#line.delete(go);
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      this.#line.add(go);
    });
  }

  /** Hands the place on, or frees it. */
  #next(): void {
    const [first] = this.#line;
    if (first === undefined) {
      this.#underWay--;
      return;
    }
    this.#line.delete(first);
    first();
  }
}
