/** Every command of `sluice`, in the order of the help. */
import type { Command } from "./command.ts";
import { operator } from "./commands/operator.ts";
import { render } from "./commands/render.ts";
import { validate } from "./commands/validate.ts";

export const commands: readonly Command[] = [validate, render, operator];
