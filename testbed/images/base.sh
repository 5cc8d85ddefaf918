#!/usr/bin/env bash
# Prints the path of a layer (tar) that all Flink images share: Debian with Java, user flink (9999). Needs root.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# gettext-base: envsubst in pod templates and scripts of users. procps: ps and pkill, for tests that go into a pod.
packages=openjdk-17-jre-headless,gettext-base,libjemalloc2,ca-certificates,procps

build() {
  local root=$1.root
  [ "$(id -u)" = 0 ] || { say "the Flink images need root (debootstrap)"; return 1; }
  umount -q "$root/proc" "$root/sys" 2>/dev/null || true # what a killed run left
  rm -rf --one-file-system "$root"
  mkdir "$root"
  say "Debian with Java (2 to 3 minutes)"
  debootstrap --variant=minbase --include="$packages" bookworm "$root" >"$1.log" ||
    { tail -20 "$1.log" "$root/debootstrap/debootstrap.log"; return 1; }
  echo 'flink:x:9999:' >>"$root/etc/group"
  echo 'flink:x:9999:9999::/opt/flink:/bin/bash' >>"$root/etc/passwd"
  # One path on every architecture.
  (cd "$root/opt" && ln -s ../usr/lib/jvm/java-17-openjdk-* java)
  # What no container needs, and what differs from one build to the next.
  (
    cd "$root"
    rm -rf debootstrap usr/share/{doc,man,info,locale,lintian,bug} var/cache/* var/lib/apt/lists/* var/log/* \
      etc/{hostname,resolv.conf} tmp/* run/*
    find dev proc sys -mindepth 1 -delete
  )
  tar --sort=name --mtime="@$epoch" --numeric-owner -C "$root" -cf "$1" .
  rm -rf --one-file-system "$root" "$1.log"
}

need debootstrap debootstrap
cached "base-$(hash_of "$images/base.sh").tar" build
