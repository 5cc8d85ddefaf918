#!/usr/bin/env bash
# distribution.sh 1.20|2.2|2.3: prints a folder with a complete Flink distribution (FLINK_HOME), for images and for
# running Flink's own client or a local cluster on the host. Set FLINK_CONF_DIR and FLINK_LOG_DIR to folders of your
# own when you run something from it: the folder is shared and must stay as it is.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
minor=${1:?usage: distribution.sh 1.20|2.2|2.3}
inputs=$images/flink/$minor
[ -d "$inputs" ] || { say "no such Flink version: $minor (have: $(ls "$images/flink" | xargs))"; exit 1; }
patch=$(sed -n 's/^apache-flink==\([0-9.]*\).*/\1/p' "$inputs/requirements.txt")

# The Apache release as tarball is on no package registry, but its parts are: the Python packages hold bin, conf, lib,
# opt and the metric plugins; the S3 file systems and the example come from Maven.
download_python_parts() {
  say "Flink $patch: bin, conf, lib, opt, plugins (about 310 MB)"
  python3 -m pip --disable-pip-version-check download --quiet --no-deps --require-hashes \
    --platform manylinux1_x86_64 --python-version 3.11 --dest "$1" --requirement "$inputs/requirements.txt"
}

unpack_python_parts() {
  local from=$1 to=$2 archive
  for archive in "$from"/*.whl; do python3 -m zipfile -e "$archive" "$from/wheels"; done
  for archive in bin conf lib opt plugins; do
    [ ! -e "$from/wheels/pyflink/$archive" ] || cp -a "$from/wheels/pyflink/$archive" "$to/"
  done
  # Up to 1.20 the jars come as a source archive.
  for archive in "$from"/apache_flink_libraries-*.tar.gz; do
    [ -e "$archive" ] || continue
    tar -xzf "$archive" -C "$to" --strip-components=2 --no-same-owner --wildcards \
      '*/deps/bin' '*/deps/lib' '*/deps/opt' '*/deps/plugins'
  done
  find "$to/bin" "$to/conf" -name '*.py' -delete
}

# Lines of artifacts.txt: coordinate, SHA-256, place in the distribution.
add_maven_artifacts() {
  local from=$1 to=$2 coordinate sum place
  while read -r coordinate sum place; do
    say "$coordinate"
    mvn -q -B -U -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:2.8:copy -Dartifact="$coordinate" \
      -DoutputDirectory="$from/maven" -Dmdep.overWriteReleases=true </dev/null
    mkdir -p "$to/$(dirname "$place")"
    mv "$from"/maven/*.jar "$to/$place"
    echo "$sum  $to/$place" | sha256sum --check --quiet
  done < <(grep -v '^#' "$inputs/artifacts.txt")
}

build() {
  local to=$1 downloads=$1/.downloads
  mkdir -p "$downloads" "$to/log" "$to/examples/streaming"
  download_python_parts "$downloads"
  unpack_python_parts "$downloads" "$to"
  add_maven_artifacts "$downloads" "$to"
  rm -rf "$downloads"
  # Wheels and pip keep neither modes nor dates.
  find "$to" -type d -exec chmod 755 {} +
  find "$to" -type f -exec chmod 644 {} +
  chmod 755 "$to"/bin/*
  find "$to/plugins" -name '*.sh' -exec chmod 755 {} +
  find "$to" -exec touch -h -d "@$epoch" {} +
}

need mvn maven openjdk-17-jdk-headless
python3 -m pip --version >/dev/null 2>&1 || need pip3 python3-pip
cached "distributions/flink-$patch-$(hash_of "$inputs" "$images/distribution.sh")" build
