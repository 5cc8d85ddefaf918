/** Reactive mode: the job takes all slots that there are, and follows their number. */
import { type FlinkConfiguration, getOption, type Option } from "./configuration.ts";

export const SCHEDULER_MODE: Option = { key: "scheduler-mode" };

export function isReactive(config: FlinkConfiguration): boolean {
  return getOption(config, SCHEDULER_MODE)?.trim().toLowerCase() === "reactive";
}
