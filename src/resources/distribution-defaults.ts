/**
 * What the configuration file inside Flink's image sets and Flink cannot run without. The cluster's ConfigMap takes
 * that file's place, so its content would be lost. Everything else in it repeats Flink's own defaults, binds to
 * localhost (wrong in a pod) or sizes memory, which is the job file's to say.
 */
import type { FlinkVersion } from "../api/flink-deployment.ts";
import type { Option } from "../flink/configuration.ts";
import { isAtLeast } from "../flink/flink-version.ts";

/** JDK packages that Flink and its dependencies reach into; closed to them from Java 17 on unless opened by flag. */
const EXPORTED = [
  "java.rmi/sun.rmi.registry",
  "jdk.compiler/com.sun.tools.javac.api",
  "jdk.compiler/com.sun.tools.javac.file",
  "jdk.compiler/com.sun.tools.javac.parser",
  "jdk.compiler/com.sun.tools.javac.tree",
  "jdk.compiler/com.sun.tools.javac.util",
  "java.security.jgss/sun.security.krb5",
];
/** Flink 1.x also uses this one; Flink 2 does not. */
const EXPORTED_BEFORE_2 = ["java.base/sun.net.util"];
const OPENED = [
  "java.base/java.lang",
  "java.base/java.net",
  "java.base/java.io",
  "java.base/java.nio",
  "java.base/sun.nio.ch",
  "java.base/java.lang.reflect",
  "java.base/java.text",
  "java.base/java.time",
  "java.base/java.util",
  "java.base/java.util.concurrent",
  "java.base/java.util.concurrent.atomic",
  "java.base/java.util.concurrent.locks",
];

function moduleFlags(version: FlinkVersion): string {
  const exported = isAtLeast(version, 2, 0) ? EXPORTED : [...EXPORTED_BEFORE_2, ...EXPORTED];
  return [
    ...exported.map((name) => `--add-exports=${name}=ALL-UNNAMED`),
    ...OPENED.map((name) => `--add-opens=${name}=ALL-UNNAMED`),
  ].join(" ");
}

/** Used where neither the operator's defaults nor the user say otherwise, under any of the option's names. */
export function distributionDefaults(
  version: FlinkVersion,
): readonly { readonly option: Option; readonly value: string }[] {
  // Versions before 1.18 do not run on Java 17, and Java 8, on which they may run, refuses the flags.
  if (!isAtLeast(version, 1, 18)) return [];
  const option: Option = isAtLeast(version, 1, 19)
    ? { key: "env.java.default-opts.all" }
    : { key: "env.java.opts.all", aliases: ["env.java.opts"] };
  return [{ option, value: moduleFlags(version) }];
}
