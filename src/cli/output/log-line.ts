/** Lines of logs with the pod they come from before them, in colour where somebody looks. */
import type { Streams } from "../command.ts";
import type { LogLine } from "../logs.ts";

const COLOURS = [36, 33, 32, 35, 34, 96, 93, 92];
const RESET = "\u001b[0m";

/** Off when not a terminal, with NO_COLOR (any value), and on a dumb one. */
export function usesColour({ stdout, env }: Pick<Streams, "stdout" | "env">): boolean {
  return stdout.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}

export class LogPrinter {
  readonly #streams: Pick<Streams, "stdout" | "env">;
  readonly #timestamps: boolean;
  readonly #pods: string[] = [];

  constructor(streams: Pick<Streams, "stdout" | "env">, timestamps: boolean) {
    this.#streams = streams;
    this.#timestamps = timestamps;
  }

  readonly print = ({ time, pod, text }: LogLine): void => {
    if (!this.#pods.includes(pod)) this.#pods.push(pod);
    const colour = COLOURS[this.#pods.indexOf(pod) % COLOURS.length] ?? 0;
    const label = usesColour(this.#streams) ? `\u001b[${colour}m${pod}${RESET}` : pod;
    this.#streams.stdout.write(`${label} | ${this.#timestamps ? `${time} ` : ""}${text}\n`);
  };
}
