//go:build tools

// Package tools pins the etcd that the testbed builds. 3.5.13 or newer: Flink 2.3's client asks for watch streams
// with initial events, which older ones cannot serve.
package tools

import (
	_ "go.etcd.io/etcd/server/v3"
)
