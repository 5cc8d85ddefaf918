#!/usr/bin/env bash
# Builds the sandbox ("pause") program into $1, statically linked so that its image needs nothing else.
set -euo pipefail
out=$1
cd "$(dirname "$0")"
mkdir -p "$out"
gcc -Os -static -Wall -o "$out/pause" pause.c
strip "$out/pause"
