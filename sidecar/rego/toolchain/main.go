// Command toolchain is OPA's own compiler as a WASI reactor: the host writes a JSON request into memory, calls
// handle, and reads a JSON response. It keeps no state between calls.
package main

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"unsafe"
)

// buffers keeps what the host holds pointers to from being collected.
var buffers = map[uintptr][]byte{}

func main() {}

// memoryGoal is where Go begins to collect more often: the host stops the process at 512 MiB.
const memoryGoal = 320 << 20

// collectAt is how much of the heap may be new before Go collects, in percent: a fifth less time than with Go's own 100, for
// some 30 MiB more while the process lives. The memory goal stands above it.
const collectAt = 400

func init() {
	debug.SetMemoryLimit(memoryGoal)
	debug.SetGCPercent(collectAt)
}

//go:wasmexport toolchain_alloc
func alloc(size uint32) uint32 {
	buffer := make([]byte, size+1)
	at := uintptr(unsafe.Pointer(&buffer[0]))
	buffers[at] = buffer
	return uint32(at)
}

//go:wasmexport toolchain_free
func free(at uint32) { delete(buffers, uintptr(at)) }

// handle takes the request at a pointer and gives pointer<<32 | length of the response; the host frees both.
//
//go:wasmexport toolchain_handle
func handle(at, size uint32) uint64 {
	response := respond(buffers[uintptr(at)][:size])
	out := alloc(uint32(len(response)))
	copy(buffers[uintptr(out)], response)
	return uint64(out)<<32 | uint64(len(response))
}

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
