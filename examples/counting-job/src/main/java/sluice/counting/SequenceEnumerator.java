package sluice.counting;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.SplitsAssignment;

/** Hands every split to the reader that its key belongs to. Readers keep their splits in their own state. */
final class SequenceEnumerator implements SplitEnumerator<SequenceSplit, Collection<SequenceSplit>> {
    private final SplitEnumeratorContext<SequenceSplit> context;
    private final List<SequenceSplit> unassigned;
    private final boolean bounded;

    SequenceEnumerator(
            SplitEnumeratorContext<SequenceSplit> context, Collection<SequenceSplit> unassigned, boolean bounded) {
        this.context = context;
        this.unassigned = new ArrayList<>(unassigned);
        this.bounded = bounded;
    }

    @Override
    public void addReader(int subtask) {
        List<SequenceSplit> chosen = new ArrayList<>();
        for (SequenceSplit split : unassigned) {
            if (split.key % context.currentParallelism() == subtask) {
                chosen.add(split);
            }
        }
        if (!chosen.isEmpty()) {
            context.assignSplits(new SplitsAssignment<>(Map.of(subtask, chosen)));
            unassigned.removeAll(chosen);
        }
        // A reader without splits of a job that never ends stays, so that all tasks stay RUNNING.
        if (bounded) {
            context.signalNoMoreSplits(subtask);
        }
    }

    @Override
    public void addSplitsBack(List<SequenceSplit> splits, int subtask) {
        unassigned.addAll(splits);
    }

    @Override
    public Collection<SequenceSplit> snapshotState(long checkpoint) {
        return new ArrayList<>(unassigned);
    }

    @Override
    public void start() {}

    @Override
    public void handleSplitRequest(int subtask, String host) {}

    @Override
    public void close() {}
}
