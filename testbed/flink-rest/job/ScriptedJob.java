import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * A job whose course is set from outside, by files in the folder given as the only argument: "throw" makes main() throw
 * before there is a job, "fail" makes the task fail, "finish" lets the bounded source run out, while "hold" exists every
 * snapshot waits, so that a savepoint can be watched in progress, and "break" makes the task fail when it hears of a
 * completed snapshot: after the savepoint is there and before the job has stopped.
 */
public class ScriptedJob {
    public static void main(String[] args) throws Exception {
        Path orders = Paths.get(args[0]);
        if (Files.exists(orders.resolve("throw"))) {
            throw new IllegalStateException("ordered to throw in main()");
        }
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromSequence(1, 1_000_000)
                .map(new Obey(orders.toString()))
                .name("obey")
                .uid("obey")
                .sinkTo(new DiscardingSink<>())
                .name("discard");
        env.execute(orders.getFileName().toString());
    }

    private static class Obey extends RichMapFunction<Long, Long>
            implements CheckpointedFunction, CheckpointListener {
        private static final int PAUSE_MS = 20;
        private final String orders;

        Obey(String orders) {
            this.orders = orders;
        }

        @Override
        public Long map(Long number) throws Exception {
            if (ordered("fail")) {
                throw new IllegalStateException("ordered to fail");
            }
            if (!ordered("finish")) {
                Thread.sleep(PAUSE_MS);
            }
            return number;
        }

        @Override
        public void snapshotState(FunctionSnapshotContext context) throws Exception {
            while (ordered("hold")) {
                Thread.sleep(PAUSE_MS);
            }
        }

        @Override
        public void initializeState(FunctionInitializationContext context) {}

        @Override
        public void notifyCheckpointComplete(long checkpointId) {
            if (ordered("break")) {
                throw new IllegalStateException("ordered to break");
            }
        }

        private boolean ordered(String order) {
            return Files.exists(Paths.get(orders, order));
        }
    }
}
