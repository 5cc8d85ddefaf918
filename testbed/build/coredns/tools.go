//go:build tools

// Package tools pins the DNS server of the testbed.
package tools

import _ "github.com/coredns/coredns"
