/** `-o custom-columns=TITLE:PATH,…`, as kubectl has it. */
import { UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { asText, valuesAt } from "./json-path.ts";
import { table } from "./table.ts";

interface Column {
  readonly title: string;
  readonly path: string;
}

/** A comma in brackets belongs to a path. */
function columnsOf(text: string): Column[] {
  return (text.match(/(?:\[[^\]]*\]|[^,])+/g) ?? [""]).map((one) => {
    const at = one.indexOf(":");
    const [title, path] = [one.slice(0, at), one.slice(at + 1).replace(/^\{(.*)\}$/s, "$1")];
    if (at > 0 && path !== "") return { title, path };
    throw new UserError(
      `custom-columns is TITLE:PATH,…, not "${text}"`,
      "For example -o custom-columns=NAME:.metadata.name,JOB:.status.jobStatus.state.",
      EXIT_CODES.usage,
    );
  });
}

function cell(path: string, object: unknown): string {
  const values = valuesAt(path, object);
  return values.length === 0 ? "<none>" : values.map(asText).join(",");
}

/** @throws UserError for columns that are none */
export function customColumns(text: string, objects: readonly unknown[], withHeader: boolean): string {
  const columns = columnsOf(text);
  const rows = objects.map((object) => columns.map(({ path }) => cell(path, object)));
  return table([...(withHeader ? [columns.map(({ title }) => title)] : []), ...rows]);
}
