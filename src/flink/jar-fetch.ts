/** The options by which an application's jar is fetched into its pods before Flink starts. */
import { type FlinkConfiguration, getOption, type Option } from "./configuration.ts";
import { schemeOf } from "./user-artifacts.ts";

/** Sluice's own image, which runs `sluice fetch-jar`. The operator knows it; without it, jars are Flink's to fetch. */
export const FETCHER_IMAGE: Option = { key: "sluice.jar.fetcher.image" };
/** A Secret with credentials, for the fetch alone. */
export const JAR_SECRET: Option = { key: "sluice.jar.secret" };
/** What the jar has to be, in hexadecimal digits. */
export const JAR_SHA256: Option = { key: "sluice.jar.sha256" };

export const JAR_PREFIX = "sluice.jar.";

export const FETCHED_SCHEMES = ["https", "http", "s3", "s3a", "s3p"];

/** Where a fetched jar is, in both modes; Flink looks there by itself. */
export const FETCHED_JAR = "/opt/flink/usrlib/job.jar";

export function isRemoteJar(jarUri: string | undefined): jarUri is string {
  return FETCHED_SCHEMES.includes(schemeOf(jarUri ?? "") ?? "");
}

function textOf(config: FlinkConfiguration, option: Option): string | undefined {
  const text = getOption(config, option)?.trim() ?? "";
  return text === "" ? undefined : text;
}

export interface JarFetch {
  readonly uri: string;
  readonly image: string;
  readonly secret: string | undefined;
  readonly sha256: string | undefined;
}

/** How the job's jar is fetched; undefined for one that is in the image, or Flink's to fetch. */
export function jarFetch(jarUri: string | undefined, config: FlinkConfiguration): JarFetch | undefined {
  const image = textOf(config, FETCHER_IMAGE);
  if (image === undefined || !isRemoteJar(jarUri)) return undefined;
  return { uri: jarUri, image, secret: textOf(config, JAR_SECRET), sha256: textOf(config, JAR_SHA256) };
}
