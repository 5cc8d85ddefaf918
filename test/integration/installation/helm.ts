/** The real Helm, and the chart of this repository. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import type { KubeObject } from "../../../src/api/kube-object.ts";
import { builtPrograms } from "../../../testbed/lib/builds.ts";
import { type RunResult, tryRun } from "../../../testbed/lib/exec.ts";
import { repository } from "../../../testbed/lib/paths.ts";

export const CHART = join(repository, "deploy/helm/sluice");

export type HelmRun = (args: readonly string[]) => Promise<RunResult>;

/** Helm 3, or 4 with SLUICE_TEST_HELM=4. */
const BUILD = process.env["SLUICE_TEST_HELM"] === "4" ? "helm4" : "helm";
/** Helm 4 applies server-side, and does not overwrite what others have written unless it is told to (docs/install.md). */
export const OVERWRITE: readonly string[] = BUILD === "helm4" ? ["--force-conflicts"] : [];

/** Runs Helm with a folder of its own for all that it keeps on disk. */
export async function helm(kubeconfig?: string): Promise<{ run: HelmRun; remove: () => void }> {
  const program = join(await builtPrograms(BUILD), "helm");
  const folder = mkdtempSync(join(tmpdir(), "sluice-helm-"));
  const env = {
    HELM_CACHE_HOME: join(folder, "cache"),
    HELM_CONFIG_HOME: join(folder, "config"),
    HELM_DATA_HOME: join(folder, "data"),
    // None but the one that is meant, ever.
    KUBECONFIG: kubeconfig ?? join(folder, "no-kubeconfig"),
  };
  return {
    run: (args) => tryRun(program, args, { env, deadline: 120_000 }),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** A file as Helm reads it: YAML 1.1, where `yes` is no text. */
export function withValues<T>(values: object, use: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-values-"));
  const file = join(folder, "values.yaml");
  writeFileSync(file, stringify(values, { aliasDuplicateObjects: false, version: "1.1" }));
  return use(file).finally(() => rmSync(folder, { recursive: true }));
}

export function objectsIn(yaml: string): KubeObject[] {
  return parseAllDocuments(yaml)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}

export function keyOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.namespace ?? ""}/${metadata.name}`;
}

/** By key; what is there twice is an error. */
export function byKey(objects: readonly KubeObject[]): Record<string, KubeObject> {
  const found: Record<string, KubeObject> = {};
  for (const object of objects) {
    const key = keyOf(object);
    if (found[key] !== undefined) throw new Error(`${key} is there twice`);
    found[key] = object;
  }
  return found;
}
