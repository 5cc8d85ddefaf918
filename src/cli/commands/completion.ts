/** `sluice completion`: the script by which a shell completes commands, options and names of jobs. */
import { type Command, UserError } from "../command.ts";
import { EXIT_CODES } from "../exit-codes.ts";

export const completion: Command = {
  name: "completion",
  summary: "Print the completion script of a shell",
  args: [{ name: "<shell>", description: "bash, zsh or fish" }],
  examples: [
    "source <(sluice completion bash)",
    'sluice completion zsh > "${fpath[1]}/_sluice"',
    "sluice completion fish > ~/.config/fish/completions/sluice.fish",
  ],
  options: [],
  async run([shell = ""], _, streams) {
    const { SCRIPTS } = await import("../completion.ts");
    const script = SCRIPTS[shell];
    if (script === undefined)
      throw new UserError(
        `there is no completion for "${shell}"`,
        "Choose bash, zsh or fish.",
        EXIT_CODES.usage,
      );
    streams.stdout.write(script);
    return EXIT_CODES.done;
  },
};
