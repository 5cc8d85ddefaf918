/** What is wrong with a YAML text, without a word of it: such files hold credentials. */
import { YAMLError } from "yaml";

export function yamlProblem(error: unknown): string {
  if (!(error instanceof YAMLError)) return "no YAML (an alias without an anchor?)";
  const { code, linePos } = error;
  const [start] = linePos ?? [];
  const what = code.toLowerCase().replaceAll("_", " ");
  return start === undefined
    ? `no YAML (${what})`
    : `no YAML (${what}, line ${start.line}, column ${start.col})`;
}
