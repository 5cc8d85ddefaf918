/** Resources for programs: JSON, YAML, or names; one object, or a List of several. */
import type { KubeObject } from "../../api/kube-object.ts";
import type { ResourceType } from "../../kube/resource-type.ts";
import type { Streams } from "../command.ts";
import { fullName } from "../reference.ts";
import { asYaml } from "./manifests.ts";

export type DataFormat = "json" | "yaml";

export function printData(value: unknown, format: DataFormat, { stdout }: Streams): void {
  stdout.write(format === "json" ? `${JSON.stringify(value, null, 2)}\n` : asYaml(value));
}

/** Without `managedFields`, as kubectl prints objects. */
export function forPrograms(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** One resource in the form that `-o` asks for; `line` where it asks for none. */
export function printResource(
  type: ResourceType,
  resource: KubeObject,
  format: unknown,
  line: string,
  streams: Streams,
): void {
  if (format === "json" || format === "yaml") printData(forPrograms(resource), format, streams);
  else streams.stdout.write(format === "name" ? `${fullName(type, resource.metadata.name)}\n` : line);
}
