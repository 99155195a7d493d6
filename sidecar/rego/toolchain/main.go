// Command toolchain is OPA's own compiler, which answers JSON requests and keeps no state between them: as a WASI reactor
// (reactor.go), or as a program of the machine (native.go).
package main

import (
	"encoding/json"
	"fmt"
)

type request struct {
	Op          string            `json:"op"`
	Files       map[string]string `json:"files"`
	Entrypoints []string          `json:"entrypoints"`
	RegoVersion *int              `json:"rego_version"`
	Revision    string            `json:"revision"`
	Index       *bool             `json:"index"`
	// the data.json hold no values: the host has them
	Skeleton bool `json:"skeleton"`
	// keywords that OPA tries out
	Experimental bool            `json:"experimental"`
	Strict       bool            `json:"strict"`
	Coverage     bool            `json:"coverage"`
	Run          string          `json:"run"`
	Query        string          `json:"query"`
	Input        json.RawMessage `json:"input"`
	// nanoseconds since 1970, as text; the clock unless given
	NowNs string `json:"now_ns"`
	authoring
}

type response struct {
	Result any     `json:"result,omitempty"`
	Errors []fault `json:"errors,omitempty"`
}

var operations = map[string]func(*request) (any, []fault){
	"build":          build,
	"check":          check,
	"test":           test,
	"dependencies":   dependencies,
	"format":         formatFiles,
	"author_build":   authorBuild,
	"author_check":   authorCheck,
	"author_deps":    authorDeps,
	"author_eval":    authorEval,
	"author_fmt":     authorFormat,
	"author_inspect": authorInspect,
	"author_rules":   authorRules,
	"author_test":    authorTest,
	"eval":           evaluate,
	"data":           data,
}

func respond(body []byte) (out []byte) {
	defer func() {
		if caught := recover(); caught != nil {
			out, _ = json.Marshal(response{Errors: []fault{{Code: "toolchain_panic", Message: fmt.Sprint(caught)}}})
		}
	}()
	var req request
	if err := json.Unmarshal(body, &req); err != nil {
		return marshal(response{Errors: []fault{{Code: "invalid_request", Message: err.Error()}}})
	}
	operation, ok := operations[req.Op]
	if !ok {
		return marshal(response{Errors: []fault{{Code: "invalid_request", Message: "unknown operation"}}})
	}
	result, faults := operation(&req)
	if len(faults) > 0 {
		return marshal(response{Errors: faults})
	}
	return marshal(response{Result: result})
}

func marshal(value any) []byte {
	out, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return out
}
