/** What the commands that serve have in common. */
import { UserError } from "./command.ts";

/** What the user can mend becomes a UserError; the rest stays a defect. */
export function explained(error: unknown, portTaken: string, next: string): unknown {
  if (!(error instanceof Error)) return error;
  const { code, next: advice } = error as { code?: string; next?: string };
  if (code === "EADDRINUSE") return new UserError(portTaken, next);
  if (code === "ENOENT" || code === "EACCES")
    return new UserError(error.message, "Check the path and its rights.");
  if (error.name === "TargetError") return new UserError(error.message);
  if (error.name === "KubeConfigError") return new UserError(error.message, advice);
  if (error.name === "ConfigurationFileError")
    return new UserError(`--config: ${error.message}`, "The file has to be YAML.");
  return error;
}

/** @throws UserError naming the flag. */
export function wholeNumber(flag: string, text: string | undefined, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new UserError(`${flag} ${text} is no whole number from 0 to ${max}`);
}
