/** Rules on what one of the modes, native or standalone, cannot do. */
import { modeOf } from "../../api/defaults.ts";
import { FETCHER_IMAGE, isRemoteJar, jarFetch } from "../../flink/jar-fetch.ts";
import { isReactive, SCHEDULER_MODE } from "../../flink/scheduler.ts";
import { configPath, error, type Finding, warning } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** Every other cluster's JobManager refuses to start with it. */
export function checkReactive({ spec, config }: Subject): Finding[] {
  if (!isReactive(config)) return [];
  if (modeOf(spec) === "standalone" && spec.job !== undefined) return [];
  const advice = spec.job === undefined ? "remove it" : "set spec.mode: standalone, or remove it";
  return [
    error(configPath(SCHEDULER_MODE.key), "reactive works only for a job with mode standalone", advice),
  ];
}

/** They would start the cluster again, and change nothing. */
export function checkNativeReplicas({ spec }: Subject): Finding[] {
  const replicas = spec.taskManager?.replicas;
  if (replicas === undefined || spec.job !== undefined || modeOf(spec) === "standalone") return [];
  return [
    warning(
      "spec.taskManager.replicas",
      "does nothing for a native session cluster: Flink makes TaskManagers as its jobs need them",
      "remove it, or set spec.mode: standalone on a new resource",
    ),
  ];
}

/** A standalone JobManager reads a jar that nobody fetches for it through a class path: files and web servers. */
export function checkStandaloneJar({ spec, config }: Subject): Finding[] {
  if (modeOf(spec) !== "standalone" || jarFetch(spec.job?.jarURI, config) !== undefined) return [];
  const { jarURI = "", entryClass } = spec.job ?? {};
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(jarURI)?.[1]?.toLowerCase();
  if (scheme === undefined || scheme === "local" || scheme === "file") return [];
  if (scheme !== "http" && scheme !== "https") {
    return [
      error(
        "spec.job.jarURI",
        `cannot be fetched from ${scheme} with mode standalone`,
        isRemoteJar(jarURI)
          ? `set ${FETCHER_IMAGE.key} to an image of Sluice, which then fetches it`
          : "put the jar into the image and write local:///opt/flink/usrlib/<jar>",
      ),
    ];
  }
  if (entryClass !== undefined) return [];
  const message = `is required with mode standalone for a jar from ${scheme}: Flink looks into jars of the image only`;
  return [error("spec.job.entryClass", message, "name the class with main()")];
}
