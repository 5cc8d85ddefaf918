/** The job file asks for a cluster that cannot be rendered. Flink's own client refuses the same. */
export class InvalidClusterError extends Error {
  /** The option or field to mend. */
  readonly option: string;

  constructor(option: string, message: string) {
    super(message);
    this.name = "InvalidClusterError";
    this.option = option;
  }
}
