/**
 * Jars from S3, with the endpoint and the keys of the operator's own configuration and environment, as the Apache operator
 * has it. A job's own `s3.*` options do not count here: an endpoint is an address that the operator would connect to.
 */
import { s3Options } from "../flink/state-location.ts";
import type { StateStorages } from "../state-storage/state-storage.ts";
import { JarError, withoutSecrets } from "./jar-error.ts";
import type { FetchS3 } from "./open-jar.ts";

export function jarsFrom(storages: StateStorages): FetchS3 {
  return async (uri, operator, signal) => {
    const found = await storages.open(s3Options(operator), signal).getObject(uri);
    if (!found.ok) throw new JarError(`${withoutSecrets(uri)}: ${found.failure.message}`);
    if (found.value === undefined) throw new JarError(`${withoutSecrets(uri)} is not there`);
    return found.value.body;
  };
}
