/** Of several operators one acts: what that means for this process, and how it hands over. */
import { randomBytes } from "node:crypto";
import { type FlinkConfiguration, getBoolean, getDuration, getOption } from "../flink/configuration.ts";
import { KubeClient } from "../kube/client.ts";
import { aborted } from "../kube/clock.ts";
import type { ClusterAccess } from "../kube/cluster-access.ts";
import { LeaderElector } from "../kube/lease.ts";
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

export class Leadership {
  readonly #elector: LeaderElector | undefined;
  readonly #client: KubeClient | undefined;
  readonly #elected = Promise.withResolvers<void>();
  #isOver = false;

  /** @throws RangeError for durations with which two could lead at once. */
  constructor(access: ClusterAccess, options: LeaseOptions | undefined, hostName: string, log: Logger) {
    if (options === undefined) return;
    // Connections of its own: no load may keep a renewal waiting.
    this.#client = new KubeClient(access, { connections: 1 });
    this.#elector = new LeaderElector(this.#client, {
      ...options,
      identity: `${hostName}_${randomBytes(4).toString("hex")}`,
      onElected: this.#elected.resolve,
      onLost: () => {
        // Another one may already lead: with the process ends what is under way here, and its connections.
        log.fatal("leadership lost");
        process.exit(1);
      },
      onError: (error) => log.warn({ error: String(error) }, "lease not renewed, trying again"),
    });
  }

  /** Whether requests that change something may leave this process, at this moment. */
  get mayAct(): boolean {
    return !this.#isOver && this.#elector?.isLeader !== false;
  }

  /** In words, for whoever asks for readiness. Undefined without leader election. */
  get role(): string | undefined {
    if (this.#elector === undefined) return undefined;
    if (this.#elector.isLeader) return "leader";
    const { holder } = this.#elector;
    return holder === undefined ? "standby, nobody leads" : `standby, ${holder} leads`;
  }

  /** Resolves when this process leads, or the signal is aborted. */
  async lead(signal: AbortSignal): Promise<void> {
    if (this.#elector === undefined || signal.aborted) return;
    this.#elector.start();
    await Promise.race([this.#elected.promise, aborted(signal)]);
  }

  /** From now on nothing leaves any more that changes anything. */
  end(): void {
    this.#isOver = true;
  }

  /** Hands over. After `end`, and when what was under way has ended. */
  async release(): Promise<void> {
    await this.#elector?.stop();
    await this.#client?.close();
  }
}
