package sluice.counting;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.api.connector.sink2.CommittingSinkWriter;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SupportsCommitter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * One file for each checkpoint and subtask, written when the checkpoint is complete, so that only records of completed
 * checkpoints are ever seen. The lines wait in the checkpoint itself, under the name that their file will have: a
 * commit that is repeated after a crash writes the same file again. Names of different attempts differ, so that a job
 * restored from a state that is too old, or running twice, adds double records instead of hiding them by overwriting.
 */
final class CommittedLines implements Sink<String>, SupportsCommitter<Part> {
    private final String folder;

    CommittedLines(String folder) {
        this.folder = folder;
    }

    @Override
    public CommittingSinkWriter<String, Part> createWriter(WriterInitContext context) {
        return new Writer(context.getTaskInfo().getIndexOfThisSubtask());
    }

    @Override
    public Committer<Part> createCommitter(CommitterInitContext context) {
        return new PartCommitter(folder);
    }

    @Override
    public SimpleVersionedSerializer<Part> getCommittableSerializer() {
        return Part.SERIALIZER;
    }

    private static final class Writer implements CommittingSinkWriter<String, Part> {
        private final String prefix;
        private StringBuilder lines = new StringBuilder();
        private long parts;

        Writer(int subtask) {
            this.prefix = "part-" + subtask + "-" + UUID.randomUUID() + "-";
        }

        @Override
        public void write(String line, Context context) {
            lines.append(line).append('\n');
        }

        @Override
        public Collection<Part> prepareCommit() {
            if (lines.length() == 0) {
                return List.of();
            }
            Part part = new Part(prefix + parts++ + ".txt", lines.toString());
            lines = new StringBuilder();
            return List.of(part);
        }

        @Override
        public void flush(boolean endOfInput) {}

        @Override
        public void close() {}
    }

    private static final class PartCommitter implements Committer<Part> {
        private final Path folder;

        PartCommitter(String folder) {
            this.folder = new Path(folder);
        }

        /** A failure fails the task: after the restart the same parts are committed again. */
        @Override
        public void commit(Collection<CommitRequest<Part>> requests) throws IOException {
            FileSystem files = folder.getFileSystem();
            for (CommitRequest<Part> request : requests) {
                Part part = request.getCommittable();
                if (files.isDistributedFS()) {
                    // Object stores show an object when it is complete, and have no cheap rename.
                    write(files, new Path(folder, part.name), part.lines);
                } else {
                    Path hidden = new Path(folder, "." + part.name);
                    write(files, hidden, part.lines);
                    files.rename(hidden, new Path(folder, part.name));
                }
            }
        }

        private static void write(FileSystem files, Path path, String lines) throws IOException {
            try (FSDataOutputStream out = files.create(path, WriteMode.OVERWRITE)) {
                out.write(lines.getBytes(StandardCharsets.UTF_8));
            }
        }

        @Override
        public void close() {}
    }
}
