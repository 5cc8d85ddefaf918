//go:build tools

// Package tools pins the Prometheus Operator of the testbed.
package tools

import (
	_ "github.com/prometheus-operator/prometheus-operator/cmd/operator"
)
