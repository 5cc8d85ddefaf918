/** Commands are data: help, completion and the reference page are derived from these objects. */

export interface CommandOption {
  /** commander's form: `-f, --filename <file...>`. */
  readonly flags: string;
  readonly description: string;
  readonly default?: string | boolean | readonly string[];
  readonly env?: string;
  readonly choices?: readonly string[];
  /** Beside the choices: values that begin so. */
  readonly prefixes?: readonly string[];
  /** May be given several times, one value each; of the environment variable every line is one. */
  readonly repeat?: true;
  /** The value of an optional argument that is left out. */
  readonly preset?: string;
}

export interface Streams {
  readonly stdout: { write(text: string): unknown; isTTY?: boolean };
  readonly stderr: { write(text: string): unknown; isTTY?: boolean };
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Command {
  readonly name: string;
  /** For Sluice itself; the help does not show it. */
  readonly hidden?: true;
  readonly summary: string;
  /** commander's form: `[name]`. */
  readonly args?: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CommandOption[];
  /** Shown first in the help, before the options. */
  readonly examples: readonly string[];
  /** For a UserError that names no code of its own; 1 when absent. */
  readonly failureCode?: number;
  /** Returns the exit code. Imports what is heavy inside, so that `sluice --help` stays quick. */
  readonly run: (
    args: readonly string[],
    options: Readonly<Record<string, unknown>>,
    streams: Streams,
  ) => Promise<number>;
}

/** Something the user can mend: one line of cause, one of what to do. */
export class UserError extends Error {
  readonly next: string | undefined;
  /** Undefined: the command's `failureCode`. */
  readonly code: number | undefined;

  constructor(message: string, next?: string, code?: number) {
    super(message);
    this.name = "UserError";
    this.next = next;
    this.code = code;
  }
}
