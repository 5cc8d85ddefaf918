#!/usr/bin/env bash
# build.sh flink-1.20|flink-2.2|flink-2.3|sluice: prints the path of an image archive for `ctr images import`, built
# when its inputs have changed. Progress goes to stderr.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
name=${1:?usage: build.sh flink-1.20|flink-2.2|flink-2.3|sluice}
export PATH=$repository/node_modules/.bin:$PATH

# A Flink of the tests lives for minutes: what a JVM spends on becoming fast is wasted (a third of its processor time).
short_lived_java="-XX:TieredStopAtLevel=1"

# pack FOLDER OWNER TAR [FLAGS]: FOLDER as a layer that is the same for the same contents.
pack() {
  tar --sort=name --mtime="@$epoch" --owner="$2" --group="$2" --numeric-owner "${@:4}" -C "$1" -f "$3" .
}

# scratch ARCHIVE: an empty folder beside the archive to be.
scratch() {
  rm -rf "$1.work"
  mkdir -p "$1.work"
  echo "$1.work"
}

flink_image() {
  local archive=$1 minor=$2 base=$3 distribution=$4 job=$5 work
  work=$(scratch "$archive")
  mkdir -p "$work"/{root,flink/conf,flink/usrlib}
  say "image sluice.test/flink:$minor"
  pack "$distribution" 9999 "$work/distribution.tar" -c --transform='s,^\.,./opt/flink,'
  cp "$images/flink/docker-entrypoint.sh" "$work/root/"
  cp "$job" "$work/flink/usrlib/counting-job.jar"
  # The distribution listens on localhost only, which no other pod reaches.
  sed -E 's/^( *(bind-)?host: )localhost$/\10.0.0.0/; s/^( *)(host: 0.0.0.0)$/\1# \2/' \
    "$distribution/conf/config.yaml" >"$work/flink/conf/config.yaml"
  sed -i -E '/^rest:/a\  bind-address: 0.0.0.0' "$work/flink/conf/config.yaml"
  pack "$work/root" 0 "$work/ours.tar" -c
  pack "$work/flink" 9999 "$work/ours.tar" -r --transform='s,^\.,./opt/flink,'
  cat >"$work/config.json" <<EOF
{
  "Entrypoint": ["/docker-entrypoint.sh"],
  "Cmd": ["help"],
  "WorkingDir": "/opt/flink",
  "ExposedPorts": { "6123/tcp": {}, "8081/tcp": {} },
  "Env": [
    "PATH=/opt/flink/bin:/opt/java/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "FLINK_HOME=/opt/flink",
    "JAVA_HOME=/opt/java",
    "LANG=C.UTF-8",
    "JAVA_TOOL_OPTIONS=$short_lived_java"
  ]
}
EOF
  node "$images/oci-archive.ts" "$archive" "sluice.test/flink:$minor" "$work/config.json" \
    "$base" "$work/distribution.tar" "$work/ours.tar"
  rm -rf "$work"
}

sluice_image() {
  local archive=$1 work
  work=$(scratch "$archive")
  say "image sluice.test/sluice:dev"
  "$repository/deploy/image/root.sh" "$work"
  pack "$work/root" 0 "$work/root.tar" -c
  pack "$work/app" 0 "$work/app.tar" -c
  # As in deploy/image/Dockerfile.
  cat >"$work/config.json" <<EOF
{
  "User": "65532:65532",
  "Entrypoint": ["/usr/local/bin/node", "/app/sluice.mjs"],
  "WorkingDir": "/home/sluice",
  "Env": ["PATH=/usr/local/bin", "HOME=/home/sluice", "NODE_ENV=production"]
}
EOF
  node "$images/oci-archive.ts" "$archive" sluice.test/sluice:dev "$work/config.json" "$work/root.tar" "$work/app.tar"
  rm -rf "$work"
}

# Archives are large: of those under this name, what nobody asked for since two hours is removed.
sweep() {
  local lock
  find "$cache" -maxdepth 1 -name "$name-*.tar.lock" -mmin +120 | while read -r lock; do
    rm -rf "${lock%.lock}" "${lock%.lock}".partial* "$lock"
  done
}

if [ ! -e "$repository/node_modules/.bin/node" ]; then
  say "no Node 24 in node_modules: run npm ci first"
  exit 1
fi
case $name in
  flink-1.20 | flink-2.2 | flink-2.3)
    minor=${name#flink-}
    base=$("$images/base.sh")
    distribution=$("$images/distribution.sh" "$minor")
    job=$("$images/counting-job.sh")
    inputs=$(hash_of "$images/build.sh" "$images/oci-archive.ts" "$images/flink/docker-entrypoint.sh")
    hash=$(echo "$inputs ${base##*/} ${distribution##*/} ${job##*/}" | sha256sum | cut -c1-16)
    cached "$name-$hash.tar" flink_image "$minor" "$base" "$distribution" "$job"
    ;;
  sluice)
    hash=$(hash_of "$images/build.sh" "$images/oci-archive.ts" \
      "$repository"/{deploy/image,src,tools/{bundle,notices,sbom}.ts,package.json,package-lock.json,tsconfig.json})
    cached "$name-$hash.tar" sluice_image
    ;;
  *)
    say "no such image: $name (have: flink-1.20, flink-2.2, flink-2.3, sluice)"
    exit 1
    ;;
esac
sweep
