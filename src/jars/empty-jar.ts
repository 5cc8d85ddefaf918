/**
 * An archive of nothing, for a job whose main class is on the session cluster's class path: Flink runs only jars. It is
 * the record that ends a ZIP archive, with nothing before it.
 */
export const EMPTY_JAR: Buffer = Buffer.concat([Buffer.from("PK\u0005\u0006", "latin1"), Buffer.alloc(18)]);
