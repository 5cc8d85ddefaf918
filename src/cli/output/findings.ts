/** Findings as compilers print them, or as JSON. */
import type { Streams } from "../command.ts";
import type { LocatedFinding, Report } from "../job-file-check.ts";

function inText({ file, line, column, severity, path, message, next }: LocatedFinding): string {
  const what = path === "" ? message : `${path}: ${message}`;
  const advice = next === undefined ? "" : `  next: ${next}\n`;
  return `${file}:${line}:${column}: ${severity}: ${what}\n${advice}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function summary({ findings, checked }: Report): string {
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const warnings = findings.length - errors;
  return `${count(checked.length, "Flink resource")} checked: ${count(errors, "error")}, ${count(warnings, "warning")}\n`;
}

/** The findings go to stdout; the last line, for people only, to stderr. */
export function printFindings(report: Report, format: "text" | "json", streams: Streams): void {
  if (format === "json") {
    const rows = report.findings.map(({ file, line, column, severity, kind, name, path, ...rest }) => {
      return { file, line, column, severity, kind, name, path, ...rest };
    });
    streams.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  for (const finding of report.findings) streams.stdout.write(inText(finding));
  streams.stderr.write(summary(report));
}
