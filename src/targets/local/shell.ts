/** What a local target needs of the command that uses it. */
export interface Shell {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For people. */
  readonly stderr: { write(text: string): unknown; isTTY?: boolean };
}
