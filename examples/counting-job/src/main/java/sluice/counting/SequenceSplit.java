package sluice.counting;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** The sequence of one key, from the number that comes next. */
final class SequenceSplit implements SourceSplit {
    static final SimpleVersionedSerializer<SequenceSplit> SERIALIZER = new Serializer();
    /** What the enumerator keeps: the splits that no reader has. */
    static final SimpleVersionedSerializer<Collection<SequenceSplit>> COLLECTION_SERIALIZER = new CollectionSerializer();

    /** Made at the start without state, and from then on a part of the state. */
    final String start;

    final int key;
    final long next;

    SequenceSplit(String start, int key, long next) {
        this.start = start;
        this.key = key;
        this.next = next;
    }

    @Override
    public String splitId() {
        return String.valueOf(key);
    }

    private void write(DataOutputStream out) throws IOException {
        out.writeUTF(start);
        out.writeInt(key);
        out.writeLong(next);
    }

    private static SequenceSplit read(DataInputStream in) throws IOException {
        return new SequenceSplit(in.readUTF(), in.readInt(), in.readLong());
    }

    private static final class Serializer implements SimpleVersionedSerializer<SequenceSplit> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(SequenceSplit split) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            split.write(new DataOutputStream(bytes));
            return bytes.toByteArray();
        }

        @Override
        public SequenceSplit deserialize(int version, byte[] bytes) throws IOException {
            return read(new DataInputStream(new ByteArrayInputStream(bytes)));
        }
    }

    private static final class CollectionSerializer implements SimpleVersionedSerializer<Collection<SequenceSplit>> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(Collection<SequenceSplit> splits) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            DataOutputStream out = new DataOutputStream(bytes);
            out.writeInt(splits.size());
            for (SequenceSplit split : splits) {
                split.write(out);
            }
            return bytes.toByteArray();
        }

        @Override
        public Collection<SequenceSplit> deserialize(int version, byte[] bytes) throws IOException {
            DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
            List<SequenceSplit> splits = new ArrayList<>();
            for (int left = in.readInt(); left > 0; left--) {
                splits.add(read(in));
            }
            return splits;
        }
    }
}
