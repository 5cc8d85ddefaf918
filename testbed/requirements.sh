#!/usr/bin/env bash
# Says what is missing before anything is started: for jobs on this machine (`requirements.sh local`), or for everything.
# Debian's other packages are installed when they are needed.
missing=0
need() {
  command -v "$1" >/dev/null && return
  echo "missing: $1 ($2)" >&2
  missing=1
}
need node "Node 20 or newer; the one that runs Sluice comes with npm"
need npm "comes with Node"
if [ "${1:-}" = local ]; then
  [ -n "${JAVA_HOME:-}" ] || need java "apt-get install openjdk-17-jdk-headless; Flink runs on it"
  [ "$(id -u)" = 0 ] || need mvn "apt-get install maven; it builds the counting job"
  exit "$missing"
fi
need go "Go 1.24 or newer from go.dev; Debian 12's own is too old to fetch a newer one"
need openssl "apt-get install openssl"
need python3 "apt-get install python3 python3-pip, for the parts of Flink that are on PyPI"
# Their completion is tested where they are installed; nothing else needs them.
shells() {
  local options=(-y -qq --no-install-recommends -o DPkg::Lock::Timeout=600)
  apt-get install "${options[@]}" zsh fish || { apt-get -qq update && apt-get install "${options[@]}" zsh fish; }
}
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! { command -v zsh && command -v fish; } >/dev/null; then
  DEBIAN_FRONTEND=noninteractive shells >/dev/null 2>&1 || echo "zsh and fish cannot be installed; their completion is not tested" >&2
fi
exit "$missing"
