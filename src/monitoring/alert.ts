/** An alert: what a person on call is to know of it, and series under which it fires and stays silent. */

/** One series: its values a minute apart, in promtool's notation. */
export type Input = readonly [series: string, values: string];

interface Fires {
  readonly series: readonly Input[];
  /** Minutes after the begin. */
  readonly after: number;
  /** Of the alert, beside its own name and severity. */
  readonly labels: Readonly<Record<string, string>>;
}

interface Silent {
  readonly why: string;
  readonly series: readonly Input[];
  readonly after: number;
}

export interface Alert {
  readonly name: string;
  readonly severity: "critical" | "warning" | "info";
  readonly expr: string;
  /** In Prometheus' notation; how long it has to be true. */
  readonly for?: string;
  /** With `{{ $labels.x }}`. */
  readonly summary: string;
  readonly meaning: string;
  readonly impact: string;
  /** What to look at, in this order. */
  readonly look: readonly string[];
  readonly mend: readonly string[];
  readonly fires: Fires;
  readonly silent: readonly Silent[];
}
