package sluice.counting;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Counts known records per key and writes every one of them exactly once, so that a reader of the output can say which
 * records are missing or double after whatever was done to the job.
 */
public final class CountingJob {
    public static void main(String[] arguments) throws Exception {
        Options options = Options.parse(arguments);
        if (options.fail) {
            throw new IllegalStateException("main() throws because of --fail");
        }
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
        environment
                .fromSource(
                        new SequenceSource(options.keys, options.count, options.rate),
                        WatermarkStrategy.forMonotonousTimestamps(),
                        "sequences")
                .uid("sequences")
                .keyBy(event -> event.key)
                .process(new CountPerKey(options))
                .name("count")
                .uid("count" + options.uidSuffix)
                .sinkTo(new CommittedLines(options.output))
                .name("lines")
                .uid("lines");
        environment.execute(options.jobName);
    }

    private CountingJob() {}
}
