/** Labels by which Flink, and everybody else, finds the objects of a cluster. */
import type { Mode } from "../api/defaults.ts";

export type Component = "jobmanager" | "taskmanager";

/** Of every object of a cluster; the HA ConfigMaps, which Flink makes, have the native ones in both modes. */
export function commonLabels(id: string, mode: Mode): Record<string, string> {
  return { app: id, type: `flink-${mode}-kubernetes` };
}

export function componentSelector(id: string, mode: Mode, component: Component): Record<string, string> {
  return { ...commonLabels(id, mode), component };
}
