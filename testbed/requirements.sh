#!/usr/bin/env bash
# Says what is missing before anything is started. Debian's other packages are installed when they are needed.
missing=0
need() {
  command -v "$1" >/dev/null && return
  echo "missing: $1 ($2)" >&2
  missing=1
}
need node "Node 20 or newer; the one that runs Sluice comes with npm"
need npm "comes with Node"
need go "Go 1.24 or newer from go.dev; Debian 12's own is too old to fetch a newer one"
need openssl "apt-get install openssl"
need python3 "apt-get install python3 python3-pip, for the parts of Flink that are on PyPI"
exit "$missing"
