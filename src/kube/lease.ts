/** Leader election by a coordination.k8s.io Lease: of several operators one works, the others wait. */
import { type KubeClient, isKubeError } from "./client.ts";
import { type Clock, pause, systemClock } from "./clock.ts";
import {
  checkDurations,
  heldBy,
  heldByOther,
  isSameTerm,
  type Lease,
  type LeaseSpec,
  type Observation,
  observe,
  released,
} from "./lease-rules.ts";
import { apiVersionOf, LEASES } from "./resource-type.ts";

export interface LeaderElectorOptions {
  readonly namespace: string;
  readonly name: string;
  /** Unique among the candidates, also after a restart: the pod's name and something random. */
  readonly identity: string;
  /** Called once, when the lease has been won. */
  readonly onElected: () => void;
  /** Called once, when it could not be renewed in time or another one has it. Another elector may stand again. */
  readonly onLost: () => void;
  /** A try failed; the next follows by itself. */
  readonly onError?: (error: unknown) => void;
  /** Milliseconds that the others wait after the last renewal. */
  readonly leaseDurationMs?: number;
  /** Milliseconds without a renewal after which the holder steps down; less than the duration. */
  readonly renewDeadlineMs?: number;
  /** Milliseconds between renewals; the others look twice as often. */
  readonly retryPeriodMs?: number;
  readonly clock?: Clock;
  /** The time of day, epoch milliseconds. */
  readonly timeOfDay?: () => number;
}

/**
 * Expected flow: `start()`; work from `onElected` on; `stop()`, or end what acts on `onLost`.
 * Guarantees: at most one candidate is told that it leads, as long as clocks run at about the same speed; a holder that
 * cannot reach the API server steps down before another one may take over; `stop()` gives the lease back at once.
 * Caveat: a process that was stopped and resumed hears of its loss only afterwards: ask `isLeader` right before what must
 * not be done twice (fence.ts does, for requests).
 */
export class LeaderElector {
  readonly #client: KubeClient;
  readonly #options: LeaderElectorOptions;
  readonly #clock: Clock;
  readonly #timeOfDay: () => number;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #observation: Observation | undefined;
  /** As last read or written, for the next write without a read. */
  #lease: Lease | undefined;
  #leading = false;
  /** Of the last renewal, before its call, by the monotonic clock and by the time of day. */
  #renewedAt = 0;
  #renewedAtTime = 0;
  /** What was written when the lease was won. */
  #term: LeaseSpec = {};

  constructor(client: KubeClient, options: LeaderElectorOptions) {
    this.#client = client;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#timeOfDay = options.timeOfDay ?? Date.now;
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2000;
    checkDurations(this.#leaseDurationMs, this.#renewDeadlineMs, this.#retryPeriodMs);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /**
   * False from the renew deadline on, even if `onLost` was not called yet; another one leads a lease duration after the
   * renewal at the earliest. By two clocks: the monotonic one stands still while the machine sleeps, the time of day may be
   * set back.
   */
  get isLeader(): boolean {
    const { signal } = this.#stopping;
    return this.#leading && !signal.aborted && this.#sinceRenewal() < this.#renewDeadlineMs;
  }

  /** Who has the lease, as far as this candidate has seen; undefined: nobody, or it has not looked yet. */
  get holder(): string | undefined {
    const { holderIdentity = "" } = this.#observation?.spec ?? {};
    return holderIdentity === "" ? undefined : holderIdentity;
  }

  /** Steps down, so that the next one need not wait. `onLost` is not called. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#leading = false;
    try {
      await this.#release();
    } catch (error) {
      this.#options.onError?.(error);
    }
  }

  async #release(): Promise<void> {
    const { namespace, name, identity } = this.#options;
    const options = { deadlineMs: this.#retryPeriodMs };
    // Without a lease at hand the last write may have been cut off: only the server knows whether we hold it.
    const lease = this.#lease ?? (await this.#client.get<Lease>(LEASES, namespace, name, options));
    this.#lease = undefined;
    if (lease?.spec?.holderIdentity !== identity) return;
    await this.#client.replace(LEASES, { ...lease, spec: released(lease.spec, new Date()) }, options);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const now = this.#clock.now();
      const time = this.#timeOfDay();
      try {
        if (await this.#takeOrRenew(now)) this.#won(now, time);
      } catch (error) {
        this.#lease = undefined;
        if (!signal.aborted) this.#options.onError?.(error);
      }
      if (this.#leading && !signal.aborted && this.#isLost()) {
        this.#leading = false;
        this.#options.onLost();
        return;
      }
      await pause(this.#clock, this.#untilNextTry(), signal);
    }
  }

  #won(at: number, time: number): void {
    // The time before the call: the server's copy may be that old.
    this.#renewedAt = at;
    this.#renewedAtTime = time;
    if (this.#leading) return;
    this.#leading = true;
    this.#term = this.#lease?.spec ?? {};
    this.#options.onElected();
  }

  #isLost(): boolean {
    const { spec } = this.#observation ?? {};
    return !isSameTerm(this.#term, spec) || this.#clock.now() - this.#renewedAt >= this.#renewDeadlineMs;
  }

  #sinceRenewal(): number {
    return Math.max(this.#clock.now() - this.#renewedAt, this.#timeOfDay() - this.#renewedAtTime);
  }

  #untilNextTry(): number {
    // Candidates spread out; a holder keeps its beat, and does not sleep past its deadline.
    // A look is one small read, and what is left of it is time without a leader.
    if (!this.#leading) return (this.#retryPeriodMs / 2) * (1 + Math.random() * 0.2);
    const untilDeadline = this.#renewedAt + this.#renewDeadlineMs - this.#clock.now();
    return Math.max(0, Math.min(this.#retryPeriodMs, untilDeadline));
  }

  /** True: the lease is ours as of now. @throws KubeApiError */
  async #takeOrRenew(now: number): Promise<boolean> {
    const { namespace, name, identity } = this.#options;
    const options = { deadlineMs: this.#callDeadline(now), signal: this.#stopping.signal };
    const lease = this.#lease ?? (await this.#client.get<Lease>(LEASES, namespace, name, options));
    if (this.#leading && !isSameTerm(this.#term, lease?.spec)) return this.#overtaken(lease);
    const spec = heldBy(identity, lease?.spec, new Date(), this.#leaseDurationMs);
    if (lease === undefined) {
      const made = {
        apiVersion: apiVersionOf(LEASES),
        kind: LEASES.kind,
        metadata: { name, namespace },
        spec,
      };
      return this.#write(() => this.#client.create<Lease>(LEASES, made, {}, options));
    }
    this.#observed(lease.spec ?? {});
    if (this.#observation !== undefined && heldByOther(this.#observation, identity, this.#clock.now())) {
      // Read it afresh next time.
      this.#lease = undefined;
      return false;
    }
    return this.#write(() => this.#client.replace<Lease>(LEASES, { ...lease, spec }, options));
  }

  /** While this one led, another one did, or the lease was deleted: what is under way here belongs to the past. */
  #overtaken(lease: Lease | undefined): false {
    this.#lease = undefined;
    this.#observed(lease?.spec ?? {});
    return false;
  }

  async #write(call: () => Promise<Lease>): Promise<boolean> {
    try {
      const written = await call();
      this.#lease = written;
      this.#observed(written.spec ?? {});
      return true;
    } catch (error) {
      this.#lease = undefined;
      // Somebody was quicker; who, the next read tells.
      if (isKubeError(error, "conflict") || isKubeError(error, "already-exists")) return false;
      throw error;
    }
  }

  #callDeadline(now: number): number {
    return this.#leading ? Math.max(1, this.#renewedAt + this.#renewDeadlineMs - now) : this.#renewDeadlineMs;
  }

  #observed(spec: LeaseSpec): void {
    this.#observation = observe(spec, this.#observation, this.#clock.now());
  }
}
