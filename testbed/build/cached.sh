#!/usr/bin/env bash
# Prints the folder with the programs of build <name> on its last line of output, building them first when they are
# not in the cache. The key is the hash of the build's own folder. Safe when several runs ask at once: a lock, a
# temporary folder, a rename.
#   testbed/build/cached.sh kubernetes|etcd|coredns|versitygw|kube-router|helm|helm4|prometheus|prometheus-operator|prometheus-operator-crds|base-images
set -euo pipefail
name=$1
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
cache=${SLUICE_CACHE:-${HOME:-/root}/.cache/sluice}/bin
hash=$( (cd "$here/$name" && find . -type f | LC_ALL=C sort | xargs sha256sum; uname -m) | sha256sum | cut -c1-12)
folder=$cache/$name-$hash
if [ ! -d "$folder" ]; then
  mkdir -p "$cache"
  exec 9>"$cache/.$name.lock"
  flock 9
  if [ ! -d "$folder" ]; then
    rm -rf "$cache/.$name".tmp.*
    building=$(mktemp -d "$cache/.$name.tmp.XXXXXX")
    # 9>&-: a program that outlives this script must not keep the lock.
    bash "$here/$name/build.sh" "$building" >&2 9>&-
    chmod 755 "$building"
    mv -T "$building" "$folder"
  fi
fi
echo "$folder"
