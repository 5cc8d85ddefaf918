#!/bin/bash
# First program in the container. Understands the roles that Flink's images are started with; anything else is run as
# it is, which is how Flink's Kubernetes integration starts its processes.
set -e

# glibc's allocator keeps memory that RocksDB has freed; under a memory limit that ends in an OOM kill.
if [ "${DISABLE_JEMALLOC:-false}" != true ]; then
  jemalloc=$(echo /usr/lib/*/libjemalloc.so.2)
  [ -e "$jemalloc" ] && export LD_PRELOAD=${LD_PRELOAD:+$LD_PRELOAD:}$jemalloc
fi

# Plugins that lie in opt, as a list of jars with semicolons between them. Before the change of user, to be able to.
IFS=';' read -ra wanted <<<"${ENABLE_BUILT_IN_PLUGINS:-}"
for jar in "${wanted[@]}"; do
  folder=$FLINK_HOME/plugins/${jar%.jar}
  mkdir -p "$folder"
  ln -sf "$FLINK_HOME/opt/$jar" "$folder/"
done

as_flink=()
if [ "$(id -u)" = 0 ]; then
  export HOME=$FLINK_HOME
  as_flink=(setpriv --reuid=flink --regid=flink --clear-groups --)
fi

role=${1:-help}
case $role in
  jobmanager | taskmanager) script=$role.sh ;;
  standalone-job) script=standalone-job.sh ;;
  history-server) script=historyserver.sh ;;
  help)
    echo "usage: jobmanager | taskmanager | standalone-job | history-server [ARGUMENT…], or any command"
    exit 0
    ;;
  *) exec "${as_flink[@]}" "$@" ;;
esac
shift
exec "${as_flink[@]}" "$FLINK_HOME/bin/$script" start-foreground "$@"
