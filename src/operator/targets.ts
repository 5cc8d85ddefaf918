/** Which namespaces and resources the operator is for: by flag, environment or configuration (2.3). */
import type { FlinkConfiguration } from "../flink/configuration.ts";

export interface Targets {
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly labelSelector: string | undefined;
}

/** Where the names come from, for messages; a later place does not count when an earlier one has some. */
interface Source {
  readonly place: string;
  readonly text: string | undefined;
}

export class TargetError extends Error {
  override readonly name = "TargetError";
}

const WATCHED_NAMESPACES = "kubernetes.operator.watched.namespaces";
const LABEL_SELECTOR = "kubernetes.operator.label.selector";

/** Words of the Apache operator's framework. */
const ALL = "JOSDK_ALL_NAMESPACES";
const CURRENT = "JOSDK_WATCH_CURRENT";

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export interface TargetInputs {
  /** `--namespace`. */
  readonly flag: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly configuration: FlinkConfiguration;
  /** The operator's own. */
  readonly current: string;
}

function isSet({ text }: Source): boolean {
  return (text ?? "").trim() !== "";
}

function sources({ flag, env, configuration }: TargetInputs): Source[] {
  return [
    { place: "--namespace", text: flag },
    { place: "WATCH_NAMESPACES", text: env["WATCH_NAMESPACES"] },
    { place: WATCHED_NAMESPACES, text: configuration[WATCHED_NAMESPACES] },
  ];
}

function namesIn({ place, text = "" }: Source, current: string): readonly string[] | undefined {
  const words = text.split(/[,;]/).map((word) => word.trim());
  const names = words.filter((word) => word !== "").map((word) => (word === CURRENT ? current : word));
  if (names.includes(ALL)) return undefined;
  const wrong = names.find((name) => !NAME.test(name));
  if (wrong !== undefined)
    throw new TargetError(`${place}: "${wrong}" is no name of a namespace; expected names parted by commas`);
  return [...new Set(names)].sort();
}

/** @throws TargetError for what can be no namespace. */
export function targetsOf(inputs: TargetInputs): Targets {
  const source = sources(inputs).find(isSet);
  const labelSelector = inputs.configuration[LABEL_SELECTOR]?.trim();
  return {
    namespaces: source && namesIn(source, inputs.current),
    labelSelector: labelSelector === "" ? undefined : labelSelector,
  };
}
