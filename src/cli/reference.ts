/** How users name resources: `NAME`, or `TYPE/NAME` with any name that kubectl knows the type by. */
import { GROUP } from "../api/flink-deployment.ts";
import { kinds } from "../api/kinds.ts";
import {
  FLINK_BLUE_GREEN_DEPLOYMENTS,
  FLINK_DEPLOYMENTS,
  FLINK_SESSION_JOBS,
  FLINK_STATE_SNAPSHOTS,
  type ResourceType,
} from "../kube/resource-type.ts";
import { UserError } from "./command.ts";
import { EXIT_CODES } from "./exit-codes.ts";

export interface Reference {
  /** Undefined: a FlinkDeployment, or a FlinkSessionJob if there is none of that name. */
  readonly type: ResourceType | undefined;
  readonly name: string;
}

export const FLINK_TYPES: readonly ResourceType[] = [
  FLINK_DEPLOYMENTS,
  FLINK_SESSION_JOBS,
  FLINK_STATE_SNAPSHOTS,
  FLINK_BLUE_GREEN_DEPLOYMENTS,
];

/** The types whose resources run a job. */
export const JOB_TYPES: readonly ResourceType[] = [FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS];

/** By kind, plural, singular or short name, with or without the group. */
export function typeNamed(text: string): ResourceType | undefined {
  const wanted = text.toLowerCase().replace(`.${GROUP}`, "");
  const kind = kinds.find(({ kind: name, plural, singular, shortNames }) =>
    [name.toLowerCase(), plural, singular, ...shortNames].includes(wanted),
  );
  return kind && FLINK_TYPES.find(({ plural }) => plural === kind.plural);
}

/** As kubectl prints it: `flinkdeployment.flink.apache.org/NAME`. */
export function fullName({ kind, group }: ResourceType, name: string): string {
  return `${kind.toLowerCase()}${group === "" ? "" : `.${group}`}/${name}`;
}

/** @throws UserError for a type that is not Flink's */
export function parseReference(text: string): Reference {
  const slash = text.indexOf("/");
  if (slash < 0) return { type: undefined, name: text };
  const type = typeNamed(text.slice(0, slash));
  const name = text.slice(slash + 1);
  if (type === undefined || name === "") {
    const known = kinds.map(({ shortNames, singular }) => shortNames[0] ?? singular);
    throw new UserError(
      `"${text}" names no Flink resource`,
      `Write NAME, or TYPE/NAME where TYPE is one of ${known.join(", ")}.`,
      EXIT_CODES.usage,
    );
  }
  return { type, name };
}

/** The words after `sluice get`: `TYPE`, `TYPE NAME…`, `NAME…`, `TYPE/NAME…`, or none. @throws UserError */
export function parseSelection(words: readonly string[]): {
  readonly types: readonly ResourceType[];
  readonly references: readonly Reference[];
} {
  const [first = "", ...rest] = words;
  const type = first.includes("/") ? undefined : typeNamed(first);
  if (type === undefined) return { types: JOB_TYPES, references: words.map(parseReference) };
  return { types: [type], references: rest.map((name) => ({ type, name })) };
}
