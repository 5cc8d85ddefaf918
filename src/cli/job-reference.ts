/** Which resource with a job a command is about: `NAME` of a FlinkDeployment, or `TYPE/NAME` as kubectl takes it. */
import { FLINK_DEPLOYMENT, GROUP } from "../api/flink-deployment.ts";
import { FLINK_SESSION_JOB } from "../api/flink-session-job.ts";
import type { Kind } from "../api/kind.ts";
import { FLINK_DEPLOYMENTS, FLINK_SESSION_JOBS, type ResourceType } from "../kube/resource-type.ts";
import { UserError } from "./command.ts";

export interface JobReference {
  readonly type: ResourceType;
  readonly name: string;
  /** `flinkdep/NAME`: what kubectl knows it by. */
  readonly short: string;
  /** `flinkdeployment.flink.apache.org/NAME`: what kubectl prints. */
  readonly full: string;
}

const TYPES: readonly (readonly [Kind, ResourceType])[] = [
  [FLINK_DEPLOYMENT, FLINK_DEPLOYMENTS],
  [FLINK_SESSION_JOB, FLINK_SESSION_JOBS],
];

function isNamed({ kind, plural, singular, shortNames }: Kind, type: string): boolean {
  const [bare = "", ...group] = type.toLowerCase().split(".");
  const suffix = group.join(".");
  const known = suffix === "" || suffix === GROUP || suffix.endsWith(`.${GROUP}`);
  return known && [kind.toLowerCase(), plural, singular, ...shortNames].includes(bare);
}

/** @throws UserError */
export function jobReference(text: string): JobReference {
  const slash = text.indexOf("/");
  const [type, name] =
    slash < 0 ? [FLINK_DEPLOYMENT.kind, text] : [text.slice(0, slash), text.slice(slash + 1)];
  const found = TYPES.find(([kind]) => isNamed(kind, type));
  if (found === undefined || name === "" || name.includes("/")) {
    throw new UserError(
      `${text} names no resource with a job`,
      `Write NAME or flinkdep/NAME for a FlinkDeployment, sessionjob/NAME for a FlinkSessionJob.`,
    );
  }
  const [{ singular, shortNames }, resourceType] = found;
  const [short = singular] = shortNames;
  return { type: resourceType, name, short: `${short}/${name}`, full: `${singular}.${GROUP}/${name}` };
}
