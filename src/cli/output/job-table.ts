/** Rows of `sluice get`: one line for a resource, as kubectl prints them. */
import type { FlinkStateSnapshot } from "../../api/flink-state-snapshot.ts";
import type { KubeObject } from "../../api/kube-object.ts";
import { withoutNulls } from "../../api/defaults.ts";
import { FLINK_STATE_SNAPSHOTS, type ResourceType } from "../../kube/resource-type.ts";
import { type AnyJob, parallelismOf } from "../job-facts.ts";
import { age } from "./table.ts";

const NONE = "<none>";

interface Column {
  readonly title: string;
  readonly wide?: true;
  readonly cell: (object: KubeObject, now: number) => string | undefined;
}

const job =
  (cell: (one: AnyJob) => string | undefined) =>
  (object: KubeObject): string | undefined =>
    cell(object as AnyJob);

const snapshot =
  (cell: (one: FlinkStateSnapshot) => string | undefined) =>
  (object: KubeObject): string | undefined =>
    cell(object as FlinkStateSnapshot);

function ready({ status }: AnyJob): { status: string; reason: string; message: string } | undefined {
  return status?.conditions?.find(({ type }) => type === "Ready");
}

const AGE: Column = { title: "AGE", cell: ({ metadata }, now) => age(metadata.creationTimestamp, now) };

const OF_JOBS: readonly Column[] = [
  { title: "JOB", cell: job(({ status }) => status?.jobStatus?.state) },
  { title: "LIFECYCLE", cell: job(({ status }) => status?.lifecycleState) },
  { title: "READY", cell: job((one) => ready(one)?.status) },
  { title: "REASON", cell: job((one) => ready(one)?.reason) },
  {
    title: "FLINK",
    cell: job(({ spec, status }) => spec.flinkVersion ?? status?.clusterInfo?.["flink-version"]),
  },
  { title: "PARALLELISM", cell: job(({ spec }) => parallelismOf(spec)?.toString()) },
  AGE,
  { title: "IMAGE", wide: true, cell: job(({ spec }) => spec.image ?? spec.deploymentName) },
  { title: "JOB ID", wide: true, cell: job(({ status }) => status?.jobStatus?.jobId) },
  { title: "RESTORES FROM", wide: true, cell: job(({ status }) => status?.jobStatus?.upgradeSavepointPath) },
  { title: "MESSAGE", wide: true, cell: job((one) => ready(one)?.message.replaceAll(/\s+/g, " ")) },
];

const OF_SNAPSHOTS: readonly Column[] = [
  { title: "STATE", cell: snapshot(({ status }) => status?.state) },
  {
    title: "JOB",
    cell: snapshot(({ spec }) => {
      const { kind, name } = spec.jobReference ?? {};
      return name === undefined ? undefined : `${(kind ?? "").toLowerCase()}/${name}`;
    }),
  },
  { title: "TYPE", cell: snapshot(({ spec }) => (spec.checkpoint ? "checkpoint" : "savepoint")) },
  { title: "PATH", cell: snapshot(({ status }) => status?.path) },
  AGE,
  { title: "FAILURES", wide: true, cell: snapshot(({ status }) => status?.failures?.toString()) },
  { title: "ERROR", wide: true, cell: snapshot(({ status }) => status?.error?.replaceAll(/\s+/g, " ")) },
];

export interface TableShape {
  readonly wide: boolean;
  /** A column for the namespace. */
  readonly namespaces: boolean;
  /** Names with their types before them. */
  readonly types: boolean;
}

function columnsFor(type: ResourceType, { wide }: TableShape): readonly Column[] {
  const all = type === FLINK_STATE_SNAPSHOTS ? OF_SNAPSHOTS : OF_JOBS;
  return all.filter((column) => wide || column.wide !== true);
}

export function headerOf(type: ResourceType, shape: TableShape): string[] {
  const titles = columnsFor(type, shape).map(({ title }) => title);
  return [...(shape.namespaces ? ["NAMESPACE"] : []), "NAME", ...titles];
}

export function rowOf(type: ResourceType, object: KubeObject, shape: TableShape, now: number): string[] {
  const { name, namespace } = object.metadata;
  const whole = { ...object, spec: withoutNulls(object["spec"] ?? {}) };
  const cells = columnsFor(type, shape).map(({ cell }) => cell(whole, now) ?? NONE);
  return [
    ...(shape.namespaces ? [namespace ?? NONE] : []),
    shape.types ? `${type.kind.toLowerCase()}/${name}` : name,
    ...cells.map((text) => (text === "" ? NONE : text)),
  ];
}
