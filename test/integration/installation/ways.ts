/** The two ways to install Sluice, so that a test can go both. */
import type { RunResult } from "../../../testbed/lib/exec.ts";
import { sluice } from "../cli/support.ts";
import { CHART, type HelmRun } from "./helm.ts";

export interface Release {
  readonly name: string;
  readonly namespace: string;
}

/** `more`: flags that both know, such as --set and --take-ownership. */
type Step = (release: Release, ...more: string[]) => Promise<RunResult>;

export interface Way {
  /** As `app.kubernetes.io/managed-by` has it. */
  readonly tool: string;
  readonly install: Step;
  readonly upgrade: Step;
  readonly uninstall: Step;
}

export function withHelm(run: HelmRun, chart = CHART): Way {
  const make =
    (verb: "install" | "upgrade"): Step =>
    ({ name, namespace }, ...more) =>
      run([verb, name, chart, "--namespace", namespace, ...more]);
  return {
    tool: "Helm",
    install: make("install"),
    upgrade: make("upgrade"),
    uninstall: ({ name, namespace }) => run(["uninstall", name, "--namespace", namespace]),
  };
}

export function withSluice(kubeconfig: string): Way {
  const command =
    (verb: string, ...always: string[]): Step =>
    ({ name, namespace }, ...more) =>
      sluice(kubeconfig, [verb, name, "--namespace", namespace, ...always, ...more]);
  return {
    tool: "sluice",
    install: command("install", "--no-wait"),
    upgrade: command("upgrade", "--no-wait"),
    uninstall: command("uninstall"),
  };
}

/** @throws with what it said when it fails */
export async function done(step: Promise<RunResult>): Promise<string> {
  const { code, stdout, stderr } = await step;
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

/** @throws when it succeeds */
export async function refused(step: Promise<RunResult>): Promise<string> {
  const { code, stdout, stderr } = await step;
  if (code === 0) throw new Error(`not refused: ${stdout}`);
  return stderr;
}
