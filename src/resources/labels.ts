/** Labels by which Flink, and everybody else, finds the objects of a native cluster. */

export function commonLabels(id: string): Record<string, string> {
  return { app: id, type: "flink-native-kubernetes" };
}

export function jobManagerSelector(id: string): Record<string, string> {
  return { ...commonLabels(id), component: "jobmanager" };
}
