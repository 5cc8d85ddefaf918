package sluice.counting;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.metrics.groups.SourceReaderMetricGroup;

/**
 * Emits the sequences of its splits in turn, at a rate; the event time of a record is when it was due. Flink calls all
 * methods on the task's thread, which never waits here: when the next record is not due yet, a timer says when to ask again.
 */
final class SequenceReader implements SourceReader<Event, SequenceSplit> {
    private static final double NANOS = 1e9;

    private final long count;
    /** Records a second of one split. */
    private final double rate;

    private final Deque<SequenceSplit> splits = new ArrayDeque<>();
    private boolean noMoreSplits;
    private CompletableFuture<Void> available = new CompletableFuture<>();
    private ScheduledExecutorService timer;
    /** When the next record is due, by System.nanoTime(). Metrics are read by other threads. */
    private volatile long due;
    /** Nanoseconds from one record to the next. */
    private volatile long pause;

    SequenceReader(SourceReaderMetricGroup metrics, long count, double rate) {
        this.count = count;
        this.rate = rate;
        metrics.setPendingRecordsGauge(this::pending);
    }

    /** Records that are due and not read yet. */
    private long pending() {
        return pause == 0 ? 0 : Math.max(0, (System.nanoTime() - due) / pause);
    }

    @Override
    public void start() {
        due = System.nanoTime();
        timer = Executors.newSingleThreadScheduledExecutor(
                task -> {
                    Thread thread = new Thread(task, "sequence-timer");
                    thread.setDaemon(true);
                    return thread;
                });
    }

    @Override
    public InputStatus pollNext(ReaderOutput<Event> output) {
        if (splits.isEmpty()) {
            return noMoreSplits ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
        }
        long now = System.nanoTime();
        if (due > now) {
            return InputStatus.NOTHING_AVAILABLE;
        }
        SequenceSplit split = splits.removeFirst();
        if (split.next < count) {
            long late = TimeUnit.NANOSECONDS.toMillis(now - due);
            output.collect(new Event(split.start, split.key, split.next), System.currentTimeMillis() - late);
            splits.addLast(new SequenceSplit(split.start, split.key, split.next + 1));
        }
        due = nextDue(now);
        return splits.isEmpty() || due <= now ? InputStatus.MORE_AVAILABLE : InputStatus.NOTHING_AVAILABLE;
    }

    /** After a stall at most one second is made up for, so that a restart makes no flood. */
    private long nextDue(long now) {
        pause = (long) (NANOS / (rate * Math.max(1, splits.size())));
        return Math.max(due, now - (long) NANOS) + pause;
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        boolean starved = splits.isEmpty() && !noMoreSplits;
        long early = splits.isEmpty() ? 0 : due - System.nanoTime();
        if (!starved && early <= 0) {
            return CompletableFuture.completedFuture(null);
        }
        if (available.isDone()) {
            available = new CompletableFuture<>();
            if (!starved) {
                wakeAfter(early, available);
            }
        }
        return available;
    }

    private void wakeAfter(long nanos, CompletableFuture<Void> wake) {
        timer.schedule(() -> wake.complete(null), nanos, TimeUnit.NANOSECONDS);
    }

    @Override
    public void addSplits(List<SequenceSplit> added) {
        splits.addAll(added);
        available.complete(null);
    }

    @Override
    public void notifyNoMoreSplits() {
        noMoreSplits = true;
        available.complete(null);
    }

    @Override
    public List<SequenceSplit> snapshotState(long checkpoint) {
        return new ArrayList<>(splits);
    }

    @Override
    public void close() {
        if (timer != null) {
            timer.shutdownNow();
        }
    }
}
