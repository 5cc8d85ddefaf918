package sluice.counting;

import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;

/** The program arguments: {@code --name value} pairs and the flag {@code --fail}. */
final class Options implements Serializable {
    static final String USAGE =
            "--output URI [--keys 8] [--rate 100] [--count N] [--job-name NAME] [--state-bytes 0] [--uid-suffix TEXT]"
                    + " [--fail] [--fail-after N] [--fail-mode once|always]";

    /** Folder of the output, on any file system that Flink knows. */
    final String output;
    /** Number of sequences; it is fixed by the first start, a restored job goes on with those it has. */
    final int keys;
    /** Records a second, over all keys. */
    final double rate;
    /** Records of every key; Long.MAX_VALUE for a job that never ends. */
    final long count;
    final String jobName;
    /** Bytes that every key keeps in its state besides the count. */
    final int stateBytes;
    /** Makes the identity of the counting operator another one, so that its old state fits no longer. */
    final String uidSuffix;
    /** Whether main() throws. */
    final boolean fail;
    /** The counting task throws after so many records of its own; Long.MAX_VALUE for never. */
    final long failAfter;
    /** Whether it throws again after each restart, or only in the very first attempt. */
    final boolean failAlways;

    private Options(Map<String, String> given) {
        fail = given.remove("fail") != null;
        output = fail ? given.getOrDefault("output", "") : required(given, "output");
        given.remove("output");
        keys = Integer.parseInt(take(given, "keys", "8"));
        rate = Double.parseDouble(take(given, "rate", "100"));
        count = Long.parseLong(take(given, "count", String.valueOf(Long.MAX_VALUE)));
        jobName = take(given, "job-name", "counting");
        stateBytes = Integer.parseInt(take(given, "state-bytes", "0"));
        uidSuffix = take(given, "uid-suffix", "");
        failAfter = Long.parseLong(take(given, "fail-after", String.valueOf(Long.MAX_VALUE)));
        String failMode = take(given, "fail-mode", "always");
        failAlways = failMode.equals("always");
        if (!failAlways && !failMode.equals("once")) {
            throw new IllegalArgumentException("--fail-mode is once or always, not " + failMode);
        }
        if (keys < 1 || !(rate > 0) || count < 0 || stateBytes < 0 || failAfter < 0) {
            throw new IllegalArgumentException("--keys and --rate must be positive, the others not negative");
        }
        if (!given.isEmpty()) {
            throw new IllegalArgumentException("unknown argument --" + given.keySet().iterator().next() + "; " + USAGE);
        }
    }

    static Options parse(String[] arguments) {
        Map<String, String> given = new HashMap<>();
        for (int at = 0; at < arguments.length; at++) {
            String name = arguments[at];
            if (!name.startsWith("--")) {
                throw new IllegalArgumentException("expected --name, found " + name + "; " + USAGE);
            }
            boolean flag = name.equals("--fail");
            if (!flag && at + 1 == arguments.length) {
                throw new IllegalArgumentException("no value for " + name + "; " + USAGE);
            }
            given.put(name.substring(2), flag ? "true" : arguments[++at]);
        }
        return new Options(given);
    }

    private static String take(Map<String, String> given, String name, String fallback) {
        String value = given.remove(name);
        return value == null ? fallback : value;
    }

    private static String required(Map<String, String> given, String name) {
        if (!given.containsKey(name)) {
            throw new IllegalArgumentException("--" + name + " is missing; " + USAGE);
        }
        return given.get(name);
    }
}
