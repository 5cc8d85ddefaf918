/** What may come next on a command line, from the commands themselves. Pure. */
import type { Command, CommandOption } from "./command.ts";

export interface Candidates {
  readonly words: readonly string[];
  /** Names of resources of the cluster fit as well. */
  readonly names: boolean;
  /** Files fit as well. */
  readonly files: boolean;
}

const NONE: Candidates = { words: [], names: false, files: false };

function longName({ flags }: CommandOption): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags.split(/[ ,]/)[0] ?? "";
}

function optionNamed({ options }: Command, word: string): CommandOption | undefined {
  const name = word.split("=")[0];
  return options.find(({ flags }) => flags.split(/[ ,|]+/).includes(name ?? ""));
}

const takesValue = ({ flags }: CommandOption): boolean => flags.includes("<");
const isFile = ({ flags }: CommandOption): boolean => /<(file|folder)/.test(flags);

/** `words`: after `sluice`, the last of them is being typed and may be empty. */
export function candidates(commands: readonly Command[], words: readonly string[]): Candidates {
  const typed = words.at(-1) ?? "";
  if (words.length <= 1)
    return {
      ...NONE,
      words: [...commands.filter(({ hidden }) => hidden !== true).map(({ name }) => name), "help"].filter(
        (name) => name.startsWith(typed),
      ),
    };
  const command = commands.find(({ name }) => name === words[0]);
  if (command === undefined) return NONE;
  const before = optionNamed(command, words.at(-2) ?? "");
  if (before !== undefined && takesValue(before) && !(words.at(-2) ?? "").includes("=")) {
    return {
      words: (before.choices ?? []).filter((one) => one.startsWith(typed)),
      names: false,
      files: isFile(before),
    };
  }
  if (typed.startsWith("-")) {
    return { ...NONE, words: command.options.map(longName).filter((name) => name.startsWith(typed)) };
  }
  const named = (command.args ?? []).some(({ name }) => /name|resource/.test(name));
  return { ...NONE, names: named };
}

const BASH = `# sluice completion bash: source <(sluice completion bash)
_sluice() {
  local line cur
  cur="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = ":files" ]; then
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
    elif [ -n "$line" ]; then
      COMPREPLY+=("$line")
    fi
  done < <(sluice __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o filenames -F _sluice sluice
`;

const ZSH = `#compdef sluice
# sluice completion zsh > "\${fpath[1]}/_sluice"
_sluice() {
  local -a found
  local line files=0
  while IFS= read -r line; do
    if [[ "$line" == ":files" ]]; then files=1; elif [[ -n "$line" ]]; then found+=("$line"); fi
  done < <(sluice __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#found} )) && compadd -- "\${found[@]}"
  (( files )) && _files
  return 0
}
if [ "$funcstack[1]" = "_sluice" ]; then _sluice "$@"; else compdef _sluice sluice; fi
`;

const FISH = `# sluice completion fish > ~/.config/fish/completions/sluice.fish
function __sluice_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in (sluice __complete $words[2..-1] 2>/dev/null)
    if test "$line" = ":files"
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c sluice -f -a '(__sluice_complete)'
`;

export const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
