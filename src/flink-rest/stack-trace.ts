/** What a Java stack trace says, without the frames. */
import { withoutCredentials } from "../flink/credentials.ts";

const MOST = 5;
const LONGEST = 500;

function headers(text: string): string[] {
  return text.split("\n").flatMap((line, index) => {
    // Indented ones belong to suppressed exceptions.
    if (line.startsWith("Caused by: ")) return [line.slice("Caused by: ".length)];
    const first = index === 0 || /^[\w.$]+(Exception|Error|Throwable)\b/.test(line);
    return first && !/^[\s<]|^End of exception/.test(line) && line !== "" ? [line] : [];
  });
}

/**
 * The exceptions as `class: message`, innermost first. Java repeats the cause in the message of whoever wraps it
 * (`CompletionException: IOException: disk full`): such wrappers are left out.
 */
export function rootCauses(text: string): string[] {
  const causes: string[] = [];
  for (const line of headers(withoutCredentials(text)).toReversed()) {
    const header = line.trim().slice(0, LONGEST);
    if (!causes.some((inner) => header.endsWith(inner) || inner === header)) causes.push(header);
  }
  return causes.slice(0, MOST);
}

const REST_WRAPPER = /^(?:[\w$]+\.)+(?:RestHandlerException|NotFoundException): /;
const PACKAGE = /^(?:[a-z][\w]*\.)+(?=[A-Z])/;

/** One line for people: from the outermost to the innermost exception, class names without their packages. */
export function headline(text: string): string {
  const causes = rootCauses(text)
    .toReversed()
    .map((cause) => cause.replace(REST_WRAPPER, "").replace(PACKAGE, ""));
  return causes.join(" -> ").slice(0, 2 * LONGEST);
}
