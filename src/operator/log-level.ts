/** `sluice.log.level` in the operator's configuration: how much is logged, changed while the operator runs. */
import { getOption } from "../flink/configuration.ts";
import { LOG_LEVEL } from "../flink/options.ts";
import { LOG_LEVELS, type Logger } from "../telemetry/log.ts";
import type { FollowedConfiguration } from "./configuration.ts";

/** Without the option, the level is that of the start (`--log-level`). A word that is no level changes nothing. */
export function followLogLevel(followed: FollowedConfiguration, log: Logger): void {
  const atStart = log.level;
  const apply = ({ configuration }: FollowedConfiguration["current"]): void => {
    const wanted = getOption(configuration, LOG_LEVEL)?.trim().toLowerCase() ?? atStart;
    if (wanted !== atStart && !LOG_LEVELS.includes(wanted))
      log.error({ option: LOG_LEVEL.key, allowed: LOG_LEVELS }, "no such level, the level stays as it was");
    else log.level = wanted;
  };
  apply(followed.current);
  followed.onChange(apply);
}
