//go:build tools

// Package tools pins what enforces NetworkPolicies on the testbed.
package tools

import _ "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"
