#!/usr/bin/env bash
# Puts the Prometheus Operator's definitions of PodMonitor, ServiceMonitor and PrometheusRule into $1, from its Go module. Nothing is compiled.
set -euo pipefail
out=$1
version=v0.93.1
module=github.com/prometheus-operator/prometheus-operator
cd "$(mktemp -d)"
source=$(go mod download -json "$module@$version" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
mkdir -p "$out"
for plural in podmonitors servicemonitors prometheusrules; do
  cp "$source/example/prometheus-operator-crd/monitoring.coreos.com_$plural.yaml" "$out/"
done
