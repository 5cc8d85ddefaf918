#!/usr/bin/env bash
# root.sh FOLDER: the file systems of the image, FOLDER/root (Node, its libraries, certificates) and FOLDER/app (Sluice in
# one bundle, licence notices, the list of everything that is in the image). Needs Debian 12 and the repository's
# node_modules. The same inputs give the same bytes.
set -euo pipefail
out=${1:?usage: root.sh FOLDER}
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH=$repository/node_modules/.bin:$PATH
machine=$(uname -m)-linux-gnu
# gcc-12-base has the licence of two others, and nothing else.
packages="libc6 libgcc-s1 libstdc++6 gcc-12-base ca-certificates netbase"
debian=$(mktemp -d)
trap 'rm -rf "$debian"' EXIT

# The files of the packages, whatever the machine has installed.
mkdir "$debian/archives" "$debian/files"
chmod 755 "$debian"
chmod 777 "$debian/archives" # apt downloads as a user of its own
(
  cd "$debian/archives"
  # An image of Debian has no lists of packages until they are fetched.
  # shellcheck disable=SC2086
  apt-get -qq download $packages 2>/dev/null || { apt-get -qq update && apt-get -qq download $packages; }
) >&2
for package in "$debian"/archives/*.deb; do dpkg-deb --extract "$package" "$debian/files"; done

root=$out/root app=$out/app/app
mkdir -p "$root"/{etc/ssl/certs,usr/local/bin,usr/lib64,tmp,home/sluice} "$root/usr/lib/$machine" "$app"
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
cp -L "$(node -p process.execPath)" "$root/usr/local/bin/node"
# The C and C++ libraries with the loader and the name services; nothing of Debian but these files.
for file in "$debian"/files/{,usr/}lib/"$machine"/lib{c,m,dl,pthread,rt,resolv,nss_dns,nss_files,gcc_s,stdc++}.so.[0-9]; do
  [ ! -e "$file" ] || cp -L "$file" "$root/usr/lib/$machine/"
done
cp -L "$debian"/files/lib/"$machine"/ld-linux-*.so.* "$root/usr/lib64/"
cp "$debian"/files/etc/{protocols,services} "$root/etc/"
cat "$debian"/files/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
printf 'root:x:0:0::/:/sbin/nologin\nsluice:x:65532:65532::/home/sluice:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\nsluice:x:65532:\n' >"$root/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
chmod 1777 "$root/tmp"

for package in $packages; do
  notice=usr/share/doc/$package/copyright
  [ -h "$debian/files/${notice%/copyright}" ] || install -D -m 644 "$debian/files/$notice" "$root/$notice"
done
install -D -m 644 "$(dirname "$(node -p process.execPath)")/../LICENSE" "$root/usr/share/doc/node/LICENSE"
node "$repository/tools/bundle.ts" "$app" >/dev/null
cp "$repository/LICENSE" "$app/LICENSE.txt"
for package in "$debian"/archives/*.deb; do
  dpkg-deb --show --showformat '${Package} ${Version} ${Architecture}\n' "$package"
done | node "$repository/tools/sbom.ts" "$app"
