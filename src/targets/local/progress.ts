/** How far a long download is: one line that changes on a terminal, now and then a line elsewhere. */
import type { Shell } from "./shell.ts";

const BAR = 24;
const REDRAW_MS = 200;
const LINE_MS = 10_000;
const MEGABYTE = 1024 ** 2;

export class Progress {
  readonly #out: Shell["stderr"];
  readonly #what: string;
  readonly #started = performance.now();
  #shown = -Infinity;

  constructor(out: Shell["stderr"], what: string) {
    this.#out = out;
    this.#what = what;
    if (out.isTTY !== true) out.write(`${what}: downloading\n`);
  }

  /** `total` is undefined where nobody knows. */
  update(bytes: number, total: number | undefined): void {
    const now = performance.now();
    const isTerminal = this.#out.isTTY === true;
    if (now - this.#shown < (isTerminal ? REDRAW_MS : LINE_MS)) return;
    const isFirst = this.#shown === -Infinity;
    this.#shown = now;
    if (isTerminal) this.#out.write(`\r\u001b[K${this.#line(bytes, total)}`);
    else if (!isFirst) this.#out.write(`${this.#line(bytes, total)}\n`);
  }

  #line(bytes: number, total: number | undefined): string {
    const seconds = Math.max(0.1, (performance.now() - this.#started) / 1000);
    const speed = `${(bytes / MEGABYTE / seconds).toFixed(1)} MiB/s`;
    const done = (bytes / MEGABYTE).toFixed(0);
    if (total === undefined) return `${this.#what}  ${done} MiB  ${speed}`;
    const part = Math.min(1, bytes / total);
    const filled = Math.round(BAR * part);
    const bar = "█".repeat(filled) + "░".repeat(BAR - filled);
    return `${this.#what}  ${bar} ${(100 * part).toFixed(0).padStart(3)} %  ${done}/${(total / MEGABYTE).toFixed(0)} MiB  ${speed}`;
  }

  /** The last word, which stays. */
  end(text: string): void {
    this.#out.write(`${this.#out.isTTY === true ? "\r\u001b[K" : ""}${this.#what}: ${text}\n`);
  }
}
