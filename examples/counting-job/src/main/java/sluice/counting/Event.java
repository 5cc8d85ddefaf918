package sluice.counting;

/** One record: the next number of one key's sequence. The public fields let Flink serialise it as a POJO. */
public final class Event {
    /** Tells one start without state from another. */
    public String start;

    public int key;
    public long sequence;

    public Event() {}

    Event(String start, int key, long sequence) {
        this.start = start;
        this.key = key;
        this.sequence = sequence;
    }
}
