/** The words in which metrics are described. */

export type MetricType = "counter" | "gauge" | "histogram" | "summary";

export interface Description<Type extends MetricType = MetricType, Label extends string = string> {
  /** With `<X>` where names differ by a value. */
  readonly name: string;
  readonly type: Type;
  readonly help: string;
  readonly labels: readonly Label[];
  /** Upper bounds of a histogram, in the metric's unit. */
  readonly buckets?: readonly number[];
}

export function counter<L extends string = never>(
  name: string,
  help: string,
  ...labels: L[]
): Description<"counter", L> {
  return { name, type: "counter", help, labels };
}

export function gauge<L extends string = never>(
  name: string,
  help: string,
  ...labels: L[]
): Description<"gauge", L> {
  return { name, type: "gauge", help, labels };
}

export function histogram<L extends string = never>(
  name: string,
  help: string,
  buckets: readonly number[],
  ...labels: L[]
): Description<"histogram", L> {
  return { name, type: "histogram", help, labels, buckets };
}

export function summary<L extends string = never>(
  name: string,
  help: string,
  ...labels: L[]
): Description<"summary", L> {
  return { name, type: "summary", help, labels };
}

/** What is found out when somebody asks, and kept nowhere: series end with what they are about. */
export interface Family<Label extends string = string> {
  readonly description: Description<MetricType, Label>;
  /** In place of `<X>` in the description's name. */
  readonly variant?: string;
  readonly samples: readonly Sample<Label>[];
}

export interface Sample<Label extends string = string> {
  readonly labels: Readonly<Record<Label, string>>;
  readonly value: number;
}

/** As Flink's Prometheus reporter spells names: what Prometheus does not allow becomes `_`. */
export function familyName({ description, variant }: Pick<Family, "description" | "variant">): string {
  return description.name.replace("<X>", (variant ?? "").replaceAll(/[^a-zA-Z0-9:_]/g, "_"));
}
