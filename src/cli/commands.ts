/** Every command of `sluice`, in the order of the help. */
import type { Command } from "./command.ts";
import { operator } from "./commands/operator.ts";

export const commands: readonly Command[] = [operator];
