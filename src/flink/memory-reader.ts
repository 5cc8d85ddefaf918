/** Reads the memory options; what cannot be read or satisfied is thrown as a problem, and caught by the model. */
import { type FlinkConfiguration, getOption, hasOption, type Option } from "./configuration.ts";
import type { Range } from "./memory-arithmetic.ts";
import { parseFlinkMemory } from "./memory-size.ts";

export interface MemoryProblem {
  /** The Flink option to change. */
  readonly option: string;
  /** What is wrong, with figures. It follows the option's name in a sentence. */
  readonly message: string;
  /** What to do. */
  readonly next: string;
  /** Bytes: with this much in `option` the set-up works. */
  readonly atLeast?: number;
}

/** `grow` asks the model to find the least size with which it works. */
type Problem = Omit<MemoryProblem, "next"> & { readonly next?: string; readonly grow?: Option };

/** Never leaves the memory model. */
export class Unsatisfiable extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

const MIB = 1024 ** 2;

/** `576 MiB`, `20.8 MiB`, `512 bytes`: for people. */
export function formatBytes(bytes: number): string {
  if (bytes === Infinity) return "no limit";
  if (bytes !== 0 && Math.abs(bytes) < MIB / 10) return `${bytes} bytes`;
  const mebibytes = bytes / MIB;
  return `${Number.isInteger(mebibytes) ? mebibytes : mebibytes.toFixed(1)} MiB`;
}

export class MemoryReader {
  readonly #config: FlinkConfiguration;

  constructor(config: FlinkConfiguration) {
    this.#config = config;
  }

  has(option: Option): boolean {
    return hasOption(this.#config, option);
  }

  /** Bytes. */
  size(option: Option): number {
    const text = getOption(this.#config, option) ?? "";
    const bytes = parseFlinkMemory(text);
    if (bytes !== undefined) return bytes;
    throw new Unsatisfiable({
      option: option.key,
      message: `${JSON.stringify(text)} is no memory size of Flink's`,
      next: "write it as 512m, 2g or 1048576 (bytes)",
    });
  }

  /** A whole number, not negative. */
  count(option: Option): number {
    const text = getOption(this.#config, option) ?? "";
    if (/^\d+$/.test(text.trim())) return Number(text);
    throw new Unsatisfiable({
      option: option.key,
      message: `${JSON.stringify(text)} is no whole number`,
      next: `write ${option.key} as a number`,
    });
  }

  /** Flink reads fractions with 32 bits and goes on with 64, so 0.1 is 0.10000000149011612. */
  fraction(option: Option): number {
    const text = (getOption(this.#config, option) ?? "").trim();
    const value = Math.fround(text === "" ? Number.NaN : Number(text));
    if (value >= 0 && value < 1) return value;
    throw new Unsatisfiable({
      option: option.key,
      message: `${JSON.stringify(text)} is no fraction from 0 up to, not including, 1`,
      next: `write ${option.key} as a number such as ${option.default ?? "0.1"}`,
    });
  }

  range(min: Option, max: Option, fraction: Option): Range {
    const range = {
      min: this.size(min),
      max: getOption(this.#config, max) === undefined ? Infinity : this.size(max),
      fraction: this.fraction(fraction),
    };
    if (range.min <= range.max) return range;
    throw new Unsatisfiable({
      option: min.key,
      message: `${formatBytes(range.min)} is more than ${max.key}, ${formatBytes(range.max)}`,
      next: `lower ${min.key}, or raise ${max.key}`,
    });
  }
}
