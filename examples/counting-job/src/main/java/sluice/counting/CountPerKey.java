package sluice.counting;

import java.util.concurrent.ThreadLocalRandom;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Adds the running count of its key to every record: {@code start key sequence count}. As long as source and count are
 * restored together, count is sequence + 1; a count that begins anew shows that its state was lost.
 */
final class CountPerKey extends KeyedProcessFunction<Integer, Event, String> implements CheckpointedFunction {
    private final Options options;
    private transient ValueState<Long> count;
    private transient ValueState<byte[]> padding;
    private transient boolean restored;
    private transient long seen;

    CountPerKey(Options options) {
        this.options = options;
    }

    @Override
    public void initializeState(FunctionInitializationContext context) {
        restored = context.isRestored();
    }

    @Override
    public void open(OpenContext context) {
        count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
        padding = getRuntimeContext()
                .getState(new ValueStateDescriptor<>(
                        "padding", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
    }

    @Override
    public void processElement(Event event, Context context, Collector<String> out) throws Exception {
        failIfAsked();
        Long before = count.value();
        long now = before == null ? 1 : before + 1;
        count.update(now);
        if (before == null && options.stateBytes > 0) {
            byte[] bytes = new byte[options.stateBytes];
            ThreadLocalRandom.current().nextBytes(bytes);
            padding.update(bytes);
        }
        out.collect(event.start + ' ' + event.key + ' ' + event.sequence + ' ' + now);
    }

    private void failIfAsked() {
        boolean first = !restored && getRuntimeContext().getTaskInfo().getAttemptNumber() == 0;
        if (seen++ >= options.failAfter && (options.failAlways || first)) {
            throw new IllegalStateException("the counting task throws because of --fail-after " + options.failAfter);
        }
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) {}
}
