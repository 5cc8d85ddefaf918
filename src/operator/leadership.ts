/** Of several operators one acts: for how long this process does, and how it hands over. */
import { randomBytes } from "node:crypto";
import { type FlinkConfiguration, getBoolean, getDuration, getOption } from "../flink/configuration.ts";
import { KubeClient } from "../kube/client.ts";
import { aborted, pause, systemClock } from "../kube/clock.ts";
import type { ClusterAccess } from "../kube/cluster-access.ts";
import { LeaderElector } from "../kube/lease.ts";
import { checkDurations } from "../kube/lease-rules.ts";
import type { Logger } from "../telemetry/log.ts";

const key = (name: string): string => `kubernetes.operator.leader-election.${name}`;
const ENABLED = { key: key("enabled"), default: "false" };
const LEASE_NAME = { key: key("lease-name"), default: "sluice-operator" };
const LEASE_DURATION = { key: key("lease-duration"), default: "15 s" };
const RENEW_DEADLINE = { key: key("renew-deadline"), default: "10 s" };
const RETRY_PERIOD = { key: key("retry-period"), default: "2 s" };

export interface LeaseOptions {
  readonly namespace: string;
  readonly name: string;
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

/** Undefined: this process is the only one. `flag`: asked for on the command line. */
export function leaseOptions(
  flag: boolean,
  namespace: string,
  configuration: FlinkConfiguration,
): LeaseOptions | undefined {
  if (!flag && !getBoolean(configuration, ENABLED)) return undefined;
  const milliseconds = (option: { key: string; default: string }): number =>
    getDuration(configuration, option) ?? 0;
  return {
    namespace,
    name: getOption(configuration, LEASE_NAME) ?? LEASE_NAME.default,
    leaseDurationMs: milliseconds(LEASE_DURATION),
    renewDeadlineMs: milliseconds(RENEW_DEADLINE),
    retryPeriodMs: milliseconds(RETRY_PERIOD),
  };
}

/** A time for which this process leads. What acts belongs to one term, and cannot act in a later one. */
export class Term {
  readonly #isLeader: () => boolean;
  #isOver = false;

  /** Aborted when the lease is lost: another one may lead. */
  readonly lost: AbortSignal;

  constructor(isLeader: () => boolean, lost: AbortSignal) {
    this.#isLeader = isLeader;
    this.lost = lost;
  }

  /** Whether requests that change something may leave this process, at this moment. */
  get mayAct(): boolean {
    return !this.#isOver && !this.lost.aborted && this.#isLeader();
  }

  /** From now on nothing of this term leaves any more that changes anything. */
  end(): void {
    this.#isOver = true;
  }
}

export class Leadership {
  readonly #options: LeaseOptions | undefined;
  readonly #client: KubeClient | undefined;
  /** The same in every term: who finds its own name in the lease need not wait for the other's end. */
  readonly #identity: string;
  readonly #log: Logger;
  #elector: LeaderElector | undefined;

  /** @throws RangeError for durations with which two could lead at once. */
  constructor(access: ClusterAccess, options: LeaseOptions | undefined, hostName: string, log: Logger) {
    this.#options = options;
    this.#identity = `${hostName}_${randomBytes(4).toString("hex")}`;
    this.#log = log;
    if (options === undefined) return;
    checkDurations(options.leaseDurationMs, options.renewDeadlineMs, options.retryPeriodMs);
    // Connections of its own: no load may keep a renewal waiting.
    this.#client = new KubeClient(access, { connections: 1 });
  }

  /** In words, for whoever asks for readiness. Undefined without leader election. */
  get role(): string | undefined {
    if (this.#options === undefined) return undefined;
    if (this.#elector?.isLeader === true) return "leader";
    const holder = this.#elector?.holder;
    return holder === undefined ? "standby, nobody leads" : `standby, ${holder} leads`;
  }

  /** Stands for election until it leads. Undefined: the signal was aborted before. One term at a time. */
  async lead(signal: AbortSignal): Promise<Term | undefined> {
    if (signal.aborted) return undefined;
    const lost = new AbortController();
    if (this.#options === undefined || this.#client === undefined) return new Term(() => true, lost.signal);
    const elected = Promise.withResolvers<void>();
    const elector = new LeaderElector(this.#client, {
      ...this.#options,
      identity: this.#identity,
      onElected: elected.resolve,
      onLost: () => lost.abort(),
      onError: (error) => this.#log.warn({ error: String(error) }, "lease not renewed, trying again"),
    });
    const isFirst = this.#elector === undefined;
    this.#elector = elector;
    elector.start();
    await Promise.race([elected.promise, aborted(signal)]);
    // What the last term sent has as long to arrive as another leader would have left it.
    const { leaseDurationMs, renewDeadlineMs } = this.#options;
    if (!isFirst) await pause(systemClock, leaseDurationMs - renewDeadlineMs, signal);
    return signal.aborted ? undefined : new Term(() => elector.isLeader, lost.signal);
  }

  /** Gives the lease back. After the end of the term, and when what was under way has ended. */
  async release(): Promise<void> {
    await this.#elector?.stop();
    await this.#client?.close();
  }
}
