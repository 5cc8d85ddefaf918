/**
 * The Apache operator's autoscaler changes the spec in memory before it is recorded, so that a job which it has scaled is
 * recorded with overrides that the user never wrote. Sluice does not scale jobs yet; what was chosen stays, because taking
 * it back would restart the job, and at the wrong size.
 */
import type { DefaultedSpec } from "../api/defaults.ts";
import { type FlinkConfiguration, flattenConfiguration, getBoolean } from "../flink/configuration.ts";
import { AUTOSCALER } from "../flink/options.ts";
import type { RecordedSpec } from "./last-reconciled-spec.ts";

const OVERRIDES = "pipeline.jobvertex-parallelism-overrides";

/** The wanted spec, with the recorded overrides as long as the autoscaler is on and the user writes none. */
export function keepOverrides(
  spec: DefaultedSpec,
  recorded: RecordedSpec | undefined,
  defaults: FlinkConfiguration,
): DefaultedSpec {
  const own = flattenConfiguration(spec.flinkConfiguration);
  const chosen = flattenConfiguration(recorded?.spec.flinkConfiguration)[OVERRIDES];
  if (chosen === undefined || own[OVERRIDES] !== undefined) return spec;
  if (!getBoolean({ ...defaults, ...own }, AUTOSCALER)) return spec;
  return { ...spec, flinkConfiguration: { ...(spec.flinkConfiguration as object), [OVERRIDES]: chosen } };
}
