/** All that can be said about job files without a cluster, with the line of each finding. */
import { API_VERSION, type FlinkDeployment, GROUP } from "../api/flink-deployment.ts";
import type { FlinkSessionJob } from "../api/flink-session-job.ts";
import { kinds } from "../api/kinds.ts";
import type { KubeObject } from "../api/kube-object.ts";
import { type FlinkConfiguration, flattenConfiguration } from "../flink/configuration.ts";
import { error, type Finding } from "../reconcile/validation/finding.ts";
import { validateResource } from "../reconcile/validation/any-kind.ts";
import { nearest } from "../reconcile/validation/nearest.ts";
import { emptyFields, unknownFields } from "../reconcile/validation/schema-check.ts";
import { type Streams, UserError } from "./command.ts";
import { type JobDocument, type JobFile, type Position, readJobFiles } from "./job-file.ts";

export interface LocatedFinding extends Finding, Position {
  readonly file: string;
  readonly kind?: string;
  readonly name?: string;
}

export interface Report {
  readonly findings: readonly LocatedFinding[];
  /** The Flink resources that were checked. */
  readonly checked: readonly { readonly file: string; readonly kind: string; readonly name: string }[];
}

const kindNames = kinds.map(({ kind }) => kind);

/** The operator's configuration, flat. */
export async function operatorConfiguration(
  file: string,
  stdin: Streams["stdin"],
): Promise<FlinkConfiguration> {
  const [read] = await readJobFiles([file], false, stdin);
  const [problem] = read?.problems ?? [];
  if (problem) throw new UserError(`${file}:${problem.line}:${problem.column}: ${problem.message}`);
  return flattenConfiguration(read?.documents[0]?.value);
}

type Identity =
  | { readonly resource: KubeObject }
  | { readonly findings: readonly Finding[] }
  /** Of a kind that is not Flink's. */
  | undefined;

const isMapping = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const asText = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** What is wrong with the kind and version of an object that is meant to be one of ours. */
function checkType(apiVersion: string | undefined, kind: string | undefined): Finding[] {
  const findings: Finding[] = [];
  if (apiVersion !== API_VERSION) {
    const message = apiVersion === undefined ? "is required" : `must be ${API_VERSION}, is ${apiVersion}`;
    findings.push(error("apiVersion", message, `write apiVersion: ${API_VERSION}`, API_VERSION));
  }
  if (kind === undefined) findings.push(error("kind", "is required", `one of ${kindNames.join(", ")}`));
  else if (!kindNames.includes(kind)) {
    const meant = nearest(kind, kindNames);
    const advice = meant === undefined ? `known are ${kindNames.join(", ")}` : `did you mean ${meant}?`;
    findings.push(error("kind", `no such kind in ${GROUP}: ${kind}`, advice, meant));
  }
  return findings;
}

/** Whether a document is one of ours, a foreign one, or meant to be one of ours. */
function identify(value: unknown, found: boolean): Identity {
  if (!isMapping(value)) return found ? undefined : { findings: [error("", "is no Kubernetes object")] };
  const object = value as KubeObject;
  const apiVersion = asText(object.apiVersion);
  const kind = asText(object.kind);
  const isOurs = apiVersion?.split("/")[0] === GROUP || (kind !== undefined && kindNames.includes(kind));
  if (isOurs) {
    const findings = checkType(apiVersion, kind);
    return findings.length === 0 ? { resource: object } : { findings };
  }
  if (found || (apiVersion !== undefined && kind !== undefined)) return undefined;
  const missing = apiVersion === undefined ? "apiVersion" : "kind";
  const example = missing === "kind" ? "FlinkDeployment" : API_VERSION;
  return { findings: [error(missing, "is required in a Kubernetes object", `for example ${example}`)] };
}

interface Resource {
  readonly document: JobDocument;
  readonly resource: KubeObject;
}

/** The session cluster of a job, where it is in the same files. */
function sessionOf(object: KubeObject, resources: readonly Resource[]): FlinkDeployment | undefined {
  if (object.kind !== "FlinkSessionJob") return undefined;
  const job = object as FlinkSessionJob;
  const found = resources.find(
    ({ resource }) =>
      resource.kind === "FlinkDeployment" &&
      resource.metadata?.name === job.spec?.deploymentName &&
      resource.metadata?.namespace === job.metadata?.namespace &&
      isMapping(resource["spec"]),
  );
  return found?.resource as FlinkDeployment | undefined;
}

function checkResource(
  checked: Resource,
  all: readonly Resource[],
  operator: FlinkConfiguration,
): LocatedFinding[] {
  const { document, resource } = checked;
  const name = asText(resource.metadata?.name);
  const located = (finding: Finding, what: "key" | "value"): LocatedFinding => ({
    ...finding,
    ...document.locate(finding.path, what),
    file: document.file,
    kind: resource.kind,
    ...(name === undefined ? {} : { name }),
  });
  return [
    ...validateResource(resource, { operator, session: sessionOf(resource, all) }).map((finding) =>
      located(finding, "value"),
    ),
    ...unknownFields(resource).map((finding) => located({ ...finding, severity: "error" }, "key")),
    ...emptyFields(resource).map((finding) => located(finding, "key")),
  ];
}

function byPlace(a: LocatedFinding, b: LocatedFinding): number {
  return a.line - b.line || a.column - b.column;
}

/** Checks the files together: a session job finds its cluster in any of them. Findings in the order of the lines. */
export function checkJobFiles(files: readonly JobFile[], operator: FlinkConfiguration): Report {
  const identified = files.map((file) => ({
    file,
    documents: file.documents.map((document) => ({
      document,
      identity: identify(document.value, file.found),
    })),
  }));
  const all = identified.flatMap(({ documents }) =>
    documents.flatMap(({ document, identity }) =>
      identity !== undefined && "resource" in identity ? [{ document, resource: identity.resource }] : [],
    ),
  );
  const findings = identified.flatMap(({ file, documents }) => {
    const ofFile: LocatedFinding[] = file.problems.map(({ line, column, message, next }) => ({
      ...error("", message, next),
      file: file.file,
      line,
      column,
    }));
    for (const { document, identity } of documents) {
      if (identity === undefined) continue;
      if ("resource" in identity) {
        ofFile.push(...checkResource({ document, resource: identity.resource }, all, operator));
      } else {
        const at = identity.findings.map((finding) => ({
          ...finding,
          ...document.locate(finding.path),
          file: file.file,
        }));
        ofFile.push(...at);
      }
    }
    return ofFile.sort(byPlace);
  });
  return {
    findings,
    checked: all.map(({ document, resource }) => ({
      file: document.file,
      kind: resource.kind,
      name: asText(resource.metadata?.name) ?? "",
    })),
  };
}
