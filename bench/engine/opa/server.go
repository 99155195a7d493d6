//go:build server

// Keeps OPA's command among this module's requirements, so that `go build github.com/open-policy-agent/opa` finds it.
package main

import _ "github.com/open-policy-agent/opa/cmd"
