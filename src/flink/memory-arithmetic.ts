/** Flink's arithmetic on memory sizes, to the byte: decimal multiplication, cut off, of a 32-bit fraction. */

export interface Range {
  /** Bytes. */
  readonly min: number;
  /** Bytes; Infinity where there is no limit. */
  readonly max: number;
  /** 0 up to, not including, 1. */
  readonly fraction: number;
}

/**
 * Flink multiplies exact decimals: a double's shortest text, times the bytes, without the fraction. Floating point
 * would be off by a few bytes.
 */
function multiply(bytes: number, factor: number): number {
  const [mantissa = "0", exponent = "0"] = String(factor).split("e");
  const [whole = "0", decimals = ""] = mantissa.split(".");
  const scale = decimals.length - Number(exponent);
  const product = BigInt(bytes) * BigInt(whole + decimals);
  return Number(scale > 0 ? product / 10n ** BigInt(scale) : product * 10n ** BigInt(-scale));
}

function clamp(value: number, { min, max }: Range): number {
  return value > max ? max : Math.max(value, min);
}

/** A fraction of `total`, within its limits. */
export function clampedShare(total: number, range: Range): number {
  return clamp(multiply(total, range.fraction), range);
}

/** What has to be added to `rest` so that it is the fraction of the sum, within its limits. */
export function inverseShare(rest: number, range: Range): number {
  return clamp(multiply(rest, range.fraction / (1 - range.fraction)), range);
}
