/** `status.error`: JSON that clients of the Apache operator parse; keys and class names are its. */
import { withoutCredentials } from "../flink/credentials.ts";

const PACKAGE = "org.apache.flink.kubernetes.operator.exception";

export type ErrorClass =
  | "ReconciliationException"
  | "UpgradeFailureException"
  | "DeploymentFailedException"
  | "MissingJobManagerException"
  | "ValidationException"
  | "StatusConflictException";

const MAX_FIELD = 2048;

function shown(message: string): string {
  const text = withoutCredentials(message);
  return text.length <= MAX_FIELD ? text : `${text.slice(0, MAX_FIELD - 3)}...`;
}

export function statusError(
  type: ErrorClass | { className: string },
  message: string,
  additionalMetadata: Readonly<Record<string, string | number>> = {},
  causes: readonly string[] = [],
): string {
  return JSON.stringify({
    type: typeof type === "string" ? `${PACKAGE}.${type}` : type.className,
    message: shown(message),
    additionalMetadata,
    throwableList: causes
      .slice(0, 2)
      .map((cause) => ({ type: "java.lang.Exception", message: shown(cause), additionalMetadata: {} })),
  });
}

/** Whether an error text is of that class. */
export function isError(error: string | undefined, type: ErrorClass): boolean {
  return error?.includes(`"${PACKAGE}.${type}"`) === true;
}

/** The message in an error text, which may be bare text as well ("Job Not Found"). */
export function errorMessage(error: string | undefined): string | undefined {
  if (error === undefined || error === "") return undefined;
  try {
    const parsed = JSON.parse(error) as { message?: string } | null;
    return parsed?.message ?? error;
  } catch {
    return error;
  }
}
