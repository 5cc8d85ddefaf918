/** The body of a request to run a jar, in Flink's own words (`POST /jars/:id/run`). */
export interface JarRunRequest {
  /** 32 hexadecimal digits. */
  readonly jobId: string;
  readonly entryClass?: string;
  readonly programArgsList?: readonly string[];
  readonly parallelism?: number;
  readonly savepointPath?: string;
  readonly allowNonRestoredState?: boolean;
  /** Flink before 1.20. */
  readonly restoreMode?: "NO_CLAIM";
  /** Flink 1.20 and newer. */
  readonly claimMode?: "NO_CLAIM";
  /** Flink 1.17 and newer. */
  readonly flinkConfiguration?: Readonly<Record<string, string>>;
}
