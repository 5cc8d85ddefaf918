/** Every command of `sluice`, in the order of the help. */
import type { Command } from "./command.ts";
import { adopt } from "./commands/adopt.ts";
import { fetchJar } from "./commands/fetch-jar.ts";
import { applyCommand } from "./commands/apply.ts";
import { completion } from "./commands/completion.ts";
import { deleteCommand } from "./commands/delete.ts";
import { describe } from "./commands/describe.ts";
import { doctor } from "./commands/doctor.ts";
import { events } from "./commands/events.ts";
import { fork } from "./commands/fork.ts";
import { install } from "./commands/install.ts";
import { get } from "./commands/get.ts";
import { history } from "./commands/history.ts";
import { list } from "./commands/list.ts";
import { logs } from "./commands/logs.ts";
import { operator } from "./commands/operator.ts";
import { plan } from "./commands/plan.ts";
import { render } from "./commands/render.ts";
import { restart } from "./commands/restart.ts";
import { resume } from "./commands/resume.ts";
import { rollback } from "./commands/rollback.ts";
import { savepoint } from "./commands/savepoint.ts";
import { start } from "./commands/start.ts";
import { status } from "./commands/status.ts";
import { stop } from "./commands/stop.ts";
import { supervise } from "./commands/supervise.ts";
import { ui } from "./commands/ui.ts";
import { uninstallCommand } from "./commands/uninstall.ts";
import { update } from "./commands/update.ts";
import { upgrade } from "./commands/upgrade.ts";
import { scale } from "./commands/scale.ts";
import { suspend } from "./commands/suspend.ts";
import { validate } from "./commands/validate.ts";
import { webhook } from "./commands/webhook.ts";

export const commands: readonly Command[] = [
  validate,
  render,
  plan,
  start,
  stop,
  update,
  savepoint,
  fork,
  adopt,
  status,
  list,
  applyCommand,
  get,
  describe,
  events,
  logs,
  doctor,
  ui,
  suspend,
  resume,
  restart,
  scale,
  history,
  rollback,
  fetchJar,
  deleteCommand,
  operator,
  install,
  upgrade,
  uninstallCommand,
  webhook,
  supervise,
  completion,
];
