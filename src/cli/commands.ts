/** Every command of `sluice`, in the order of the help. */
import type { Command } from "./command.ts";
import { history } from "./commands/history.ts";
import { operator } from "./commands/operator.ts";
import { render } from "./commands/render.ts";
import { rollback } from "./commands/rollback.ts";
import { validate } from "./commands/validate.ts";

export const commands: readonly Command[] = [validate, render, history, rollback, operator];
