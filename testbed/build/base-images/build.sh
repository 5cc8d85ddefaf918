#!/usr/bin/env bash
# Builds into $1 two small image archives (OCI layouts in a tar), without a container tool:
#   pause.tar  sluice.test/pause:1  the sandbox program, statically linked
#   tools.tar  sluice.test/tools:1  Debian's busybox, for tests that ask from inside a pod
set -euo pipefail
out=$1
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pack() { tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$1" -cf "$2" .; }

# add_blob LAYOUT FILE: moves the file to its place and prints "sha256:…" and its size.
add_blob() {
  local sum size
  sum=$(sha256sum "$2" | cut -d' ' -f1)
  size=$(stat -c %s "$2")
  mv "$2" "$1/blobs/sha256/$sum"
  echo "sha256:$sum $size"
}

# image NAME REFERENCE COMMAND: packs $work/NAME as the image's only layer.
image() {
  local name=$1 reference=$2 command=$3 layout=$work/$1.layout digest size layer media=application/vnd.oci.image
  mkdir -p "$layout/blobs/sha256"
  pack "$work/$name" "$work/file"
  read -r digest size < <(add_blob "$layout" "$work/file")
  layer="{\"mediaType\":\"$media.layer.v1.tar\",\"digest\":\"$digest\",\"size\":$size}"
  printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["%s"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["%s"]}}' \
    "$(dpkg --print-architecture)" "$command" "$digest" >"$work/file"
  read -r digest size < <(add_blob "$layout" "$work/file")
  printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json","digest":"%s","size":%s},"layers":[%s]}' \
    "$media" "$media" "$digest" "$size" "$layer" >"$work/file"
  read -r digest size < <(add_blob "$layout" "$work/file")
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s.manifest.v1+json","digest":"%s","size":%s,"annotations":{"io.containerd.image.name":"%s"}}]}' \
    "$media" "$digest" "$size" "$reference" >"$layout/index.json"
  echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
  pack "$layout" "$out/$name.tar"
}

mkdir -p "$out" "$work/pause" "$work/tools/bin" "$work/download" "$work/package"

gcc -Os -static -Wall -o "$work/pause/pause" pause.c
strip "$work/pause/pause"
image pause sluice.test/pause:1 /pause

# The package as a file: installing it could push another busybox off the machine. Not busybox-static: a statically
# linked glibc looks up names only where the shared libraries of its very version lie beside it.
chmod 777 "$work/download"
chmod 711 "$work"
fetch() { (cd "$work/download" && apt-get -qq download busybox); }
fetch || { apt-get -qq update && fetch; }
dpkg-deb --extract "$work"/download/busybox_*.deb "$work/package"
mv "$work/package/bin/busybox" "$work/tools/bin/"
# The shared libraries and the loader, at the very paths where the program looks for them.
ldd "$work/tools/bin/busybox" | grep -o '/[^ ]*' | xargs -I{} cp --parents --dereference {} "$work/tools"
for applet in $("$work/tools/bin/busybox" --list); do
  [ "$applet" = busybox ] || ln -s busybox "$work/tools/bin/$applet"
done
image tools sluice.test/tools:1 /bin/sh
