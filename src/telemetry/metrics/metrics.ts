/** What `/metrics` answers with: what was recorded, and what is there when somebody asks. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry, Summary } from "prom-client";
import { type Description, type Family, familyName } from "./description.ts";
import { RECORDED } from "./descriptions.ts";

type Made<D> =
  D extends Description<"counter", infer L>
    ? Counter<L>
    : D extends Description<"gauge", infer L>
      ? Gauge<L>
      : D extends Description<"histogram", infer L>
        ? Histogram<L>
        : never;

type Recorded<Descriptions> = { readonly [Key in keyof Descriptions]: Made<Descriptions[Key]> };

const QUANTILES = [0.5, 0.75, 0.95, 0.98, 0.99, 0.999];

function make(description: Description, registry: Registry): Counter | Gauge | Histogram {
  const { name, type, help, labels, buckets } = description;
  const common = { name, help, labelNames: [...labels], registers: [registry] };
  if (type === "counter") return new Counter(common);
  if (type === "histogram") return new Histogram({ ...common, buckets: [...(buckets ?? [])] });
  const gauge = new Gauge(common);
  // Nothing is known yet, which is not the same as 0.
  if (labels.length === 0) gauge.remove();
  return gauge;
}

/** Metrics of these descriptions, to be recorded in. */
export function recorded<Descriptions extends Readonly<Record<string, Description>>>(
  descriptions: Descriptions,
  registry: Registry,
): Recorded<Descriptions> {
  const made = Object.entries(descriptions).map(([key, one]) => [key, make(one, registry)]);
  return Object.fromEntries(made) as Recorded<Descriptions>;
}

/** As prom-client has metrics, as far as it writes them down. */
function written(name: string, families: readonly Family[]): Parameters<Registry["registerMetric"]>[0] {
  const [{ description } = { description: undefined }] = families;
  const values = families.flatMap(({ samples }) => samples);
  const { help = "", type = "gauge" } = description ?? {};
  const metric = { name, help, type, get: () => Promise.resolve({ name, help, type, values }) };
  return metric as unknown as Parameters<Registry["registerMetric"]>[0];
}

/** `leads`: this process acts. What all of them would say, only that one says. */
type Source = (leads: boolean) => readonly Family[];

export class Metrics {
  readonly record: Recorded<typeof RECORDED>;
  readonly #registry = new Registry();
  readonly #sources = new Map<string, Source>();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    this.record = recorded(RECORDED, this.#registry);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Asked with every scrape. A later one of the same name takes its place. */
  add(name: string, source: Source): void {
    this.#sources.set(name, source);
  }

  /** The summary of a name with a variant; made with its first use. */
  summary<L extends string>(description: Description<"summary", L>, variant: string): Summary<L> {
    const name = familyName({ description, variant });
    const known = this.#registry.getSingleMetric(name);
    if (known !== undefined) return known as Summary<L>;
    const { help, labels } = description;
    return new Summary({
      name,
      help,
      labelNames: [...labels],
      percentiles: QUANTILES,
      registers: [this.#registry],
    });
  }

  async text(): Promise<string> {
    const byName = new Map<string, Family[]>();
    const [leads] = (await this.record.leader.get()).values;
    for (const family of [...this.#sources.values()].flatMap((source) => source(leads?.value !== 0))) {
      const name = familyName(family);
      const known = byName.get(name);
      if (known === undefined) byName.set(name, [family]);
      else known.push(family);
    }
    const scraped = new Registry();
    for (const [name, families] of byName) scraped.registerMetric(written(name, families));
    const parts = await Promise.all([this.#registry.metrics(), scraped.metrics()]);
    return parts.join("\n");
  }
}
