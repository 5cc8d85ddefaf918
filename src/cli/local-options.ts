/** Options of jobs that run on this machine. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Mapping } from "../targets/local/localise.ts";
import { UserError } from "./command.ts";

/** `local:///opt/flink/usrlib=target`: a path, or a URI. @throws UserError */
export function parseMapping(text: string): Mapping {
  const at = text.indexOf("=");
  const [from, to] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || to === "" || !from.includes(":/")) {
    throw new UserError(
      `--map is FROM=TO, not "${text}"`,
      "For example --map local:///opt/flink/usrlib=target, or --map s3://bucket/output=/tmp/output.",
      2,
    );
  }
  return { from, to: /^[a-z][a-z\d+.-]*:\//i.test(to) ? to : pathToFileURL(resolve(to)).toString() };
}
