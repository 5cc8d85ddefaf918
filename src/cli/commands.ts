/** Every command of `sluice`, in the order of the help. */
import type { Command } from "./command.ts";
import { fetchJar } from "./commands/fetch-jar.ts";
import { fork } from "./commands/fork.ts";
import { history } from "./commands/history.ts";
import { list } from "./commands/list.ts";
import { operator } from "./commands/operator.ts";
import { render } from "./commands/render.ts";
import { rollback } from "./commands/rollback.ts";
import { savepoint } from "./commands/savepoint.ts";
import { start } from "./commands/start.ts";
import { status } from "./commands/status.ts";
import { stop } from "./commands/stop.ts";
import { supervise } from "./commands/supervise.ts";
import { update } from "./commands/update.ts";
import { validate } from "./commands/validate.ts";

export const commands: readonly Command[] = [
  validate,
  render,
  start,
  stop,
  update,
  savepoint,
  fork,
  status,
  list,
  history,
  rollback,
  fetchJar,
  operator,
  supervise,
];
