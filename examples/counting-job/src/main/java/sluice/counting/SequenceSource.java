package sluice.counting;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** The sequences 0, 1, 2, … of a fixed number of keys; one split for each key, whatever the parallelism is. */
final class SequenceSource implements Source<Event, SequenceSplit, Collection<SequenceSplit>> {
    private final int keys;
    private final long count;
    private final double rate;

    SequenceSource(int keys, long count, double rate) {
        this.keys = keys;
        this.count = count;
        this.rate = rate;
    }

    @Override
    public Boundedness getBoundedness() {
        return count == Long.MAX_VALUE ? Boundedness.CONTINUOUS_UNBOUNDED : Boundedness.BOUNDED;
    }

    /** Called only when there is no state to restore: this is where a fresh start gets its name. */
    @Override
    public SplitEnumerator<SequenceSplit, Collection<SequenceSplit>> createEnumerator(
            SplitEnumeratorContext<SequenceSplit> context) {
        String start = UUID.randomUUID().toString().substring(0, 8);
        List<SequenceSplit> splits = new ArrayList<>();
        for (int key = 0; key < keys; key++) {
            splits.add(new SequenceSplit(start, key, 0));
        }
        return restoreEnumerator(context, splits);
    }

    @Override
    public SplitEnumerator<SequenceSplit, Collection<SequenceSplit>> restoreEnumerator(
            SplitEnumeratorContext<SequenceSplit> context, Collection<SequenceSplit> unassigned) {
        return new SequenceEnumerator(context, unassigned, getBoundedness() == Boundedness.BOUNDED);
    }

    @Override
    public SourceReader<Event, SequenceSplit> createReader(SourceReaderContext context) {
        return new SequenceReader(context.metricGroup(), count, rate / keys);
    }

    @Override
    public SimpleVersionedSerializer<SequenceSplit> getSplitSerializer() {
        return SequenceSplit.SERIALIZER;
    }

    @Override
    public SimpleVersionedSerializer<Collection<SequenceSplit>> getEnumeratorCheckpointSerializer() {
        return SequenceSplit.COLLECTION_SERIALIZER;
    }
}
