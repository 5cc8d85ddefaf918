/** What happens meanwhile, on stderr: a line for each step, and on a terminal how long the present one takes. */
import type { Streams } from "../command.ts";

const CLEAR_LINE = "\r\u001b[2K";

function elapsed(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  return seconds < 60
    ? `${seconds}s`
    : `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, "0")}s`;
}

export class Progress {
  readonly #stderr: Streams["stderr"];
  readonly #started: number;
  readonly #isLive: boolean;
  #current = "";
  #timer: NodeJS.Timeout | undefined;

  constructor({ stderr, env }: Pick<Streams, "stderr" | "env">) {
    this.#stderr = stderr;
    this.#started = performance.now();
    this.#isLive = stderr.isTTY === true && env["TERM"] !== "dumb";
  }

  /** A step that is not the last one again. */
  step(text: string): void {
    if (text === this.#current) return;
    this.#current = text;
    this.#write(CLEAR_LINE, `${this.#line()}\n`);
    if (this.#isLive) this.#timer ??= setInterval(() => this.#write(CLEAR_LINE, this.#line()), 1000);
  }

  end(): void {
    clearInterval(this.#timer);
    if (this.#timer !== undefined) this.#stderr.write(CLEAR_LINE);
  }

  #line(): string {
    return `${elapsed(performance.now() - this.#started).padStart(6)}  ${this.#current}`;
  }

  #write(clear: string, text: string): void {
    this.#stderr.write(this.#isLive ? clear + text : text);
  }
}
