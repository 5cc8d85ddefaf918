# Shared by the image builders: where results are kept, and how they get there whole or not at all.
set -euo pipefail
images=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$images/../.." && pwd)
cache=${SLUICE_CACHE:-$HOME/.cache/sluice}/images
mkdir -p "$cache"
# One date for every file that is packed, so that the same inputs give the same bytes.
epoch=1735689600

say() { printf '  %s\n' "$*" >&2; }

# need COMMAND PACKAGE...: installs the Debian packages when the command is missing.
need() {
  command -v "$1" >/dev/null && return
  shift
  say "installing $*"
  if [ "$(id -u)" != 0 ]; then
    say "not root: install $* by hand"
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  # Another builder may hold dpkg's lock: wait for it. The package lists may be older than the archive: refresh, retry.
  apt-get -qq -o DPkg::Lock::Timeout=600 install --no-install-recommends -y "$@" >&2 ||
    { apt-get -qq update >&2 && apt-get -qq -o DPkg::Lock::Timeout=600 install --no-install-recommends -y "$@" >&2; }
}

# hash_of FILE-OR-FOLDER...: one short hash over names and contents, independent of where the repository lies.
hash_of() {
  local path
  for path in "$@"; do
    path=$(realpath "$path")
    find "$path" -type f -not -path '*/target/*' -not -name '*.test.ts' | LC_ALL=C sort | while read -r file; do
      printf '%s %s\n' "${file#"$repository"/}" "$(sha256sum <"$file")"
    done
  done | sha256sum | cut -c1-16
}

# cached RESULT BUILDER ARG...: prints RESULT, a path below the cache; when it is not there yet, runs
# `BUILDER TEMPORARY ARG...` under a lock and renames TEMPORARY to RESULT.
cached() {
  local result=$cache/$1 builder=$2 temporary=$cache/$1.partial
  shift 2
  if [ ! -e "$result" ]; then
    mkdir -p "$(dirname "$result")"
    exec {lock}>"$result.lock"
    flock "$lock"
    if [ ! -e "$result" ]; then
      # A killed build leaves its remainder, which nobody else can be writing while the lock is held.
      rm -rf "$temporary"
      "$builder" "$temporary" "$@" >&2
      mv -T "$temporary" "$result"
    fi
    exec {lock}>&-
  fi
  # The newest use, for those who sweep old results. The result itself keeps its date: importers go by it.
  touch "$result.lock"
  echo "$result"
}
