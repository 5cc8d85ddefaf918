/** Notifications in the process: who is told follows the operator's configuration. */
import { Notifier } from "../notifications/notifier.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics/metrics.ts";
import type { FollowedConfiguration } from "./configuration.ts";

export function notifierFor(followed: FollowedConfiguration, metrics: Metrics, log: Logger): Notifier {
  const notifier = new Notifier({ metrics, log });
  notifier.configure(followed.current.configuration);
  followed.onChange(({ configuration }) => notifier.configure(configuration));
  return notifier;
}
