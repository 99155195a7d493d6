package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"unsafe"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/builtins"
)

// First byte of an answer.
const (
	kindValue     = 0
	kindUndefined = 1
	kindError     = 2 // code, NUL, message
	kindTooLarge  = 3
	kindFailed    = 4 // a panic, or arguments that no module writes: the host fails the evaluation
	kindBytes     = 5 // a string that is no UTF-8, as it is
)

// What has no meaning here: relations, the network, and what the host or the compiler does.
var refused = map[string]bool{
	"walk": true, "http.send": true, "net.lookup_ip_addr": true, "trace": true, "internal.print": true, "print": true,
	"internal.test_case": true, "rego.metadata.chain": true, "rego.metadata.rule": true,
}

// OPA's declarations, for the number of arguments; those of built-ins that are gone from the language included.
var declared = func() map[string]*ast.Builtin {
	out := make(map[string]*ast.Builtin, len(ast.Builtins))
	for _, builtin := range ast.Builtins {
		out[builtin.Name] = builtin
	}
	return out
}()

var (
	runtimeTerm  *ast.Term
	capabilities = func() *ast.Capabilities {
		out := ast.CapabilitiesForThisVersion()
		out.AllowNet = []string{} // references in JSON schemas
		return out
	}()
	current struct {
		decision float64
		nowNs    int64
		time     *ast.Term
		cache    builtins.Cache
		seed     *rand.ChaCha8
	}
)

// hostSeed writes the decision's 32 bytes.
//
//go:wasmimport countersign seed
func hostSeed(at unsafe.Pointer)

// seedReader draws from the decision's seed, so that the same decision gets the same numbers again.
type seedReader struct{}

func (seedReader) Read(p []byte) (int, error) {
	if current.seed == nil {
		var seed [32]byte
		hostSeed(unsafe.Pointer(&seed))
		current.seed = rand.NewChaCha8(seed)
	}
	return current.seed.Read(p)
}

// enter makes what built-ins draw on: nothing is left of the decision before.
func enter(nowNs int64, decision float64) {
	if current.cache == nil || current.decision != decision {
		current.decision = decision
		current.seed = nil
		current.time = nil
		if len(current.cache) > 0 || current.cache == nil {
			current.cache = builtins.Cache{}
		}
	}
	if current.time == nil || current.nowNs != nowNs {
		current.nowNs = nowNs
		current.time = ast.NumberTerm(json.Number(strconv.FormatInt(nowNs, 10)))
	}
}

var (
	errTwice    = errors.New("more than one result")
	errTooLarge = errors.New("too large")
)

// answer appends kind and content of a call's answer.
func answer(to []byte, name, args string, nowNs int64, decision float64) (result []byte) {
	defer func() {
		if caught := recover(); caught != nil {
			// INVARIANT: no error of a built-in, which would only be undefined; and what panicked goes nowhere, as it may hold
			// arguments
			result = append(to[:0], kindFailed)
		}
	}()
	builtin, call := declared[name], topdown.GetBuiltin(name)
	if builtin == nil || call == nil || refused[name] {
		return appendError(to, topdown.InternalErr, "unsupported built-in: "+name)
	}
	operands, err := decodeArguments(args)
	if err == errDepth {
		return append(to, kindTooLarge)
	}
	if err != nil || len(operands) != builtin.Decl.Arity() {
		return append(to, kindFailed)
	}
	if tooMuch(name, operands) {
		return append(to, kindTooLarge)
	}
	enter(nowNs, decision)
	var found *ast.Term
	err = call(topdown.BuiltinContext{
		Context:      context.Background(),
		Metrics:      noMetrics,
		Seed:         seedReader{},
		Time:         current.time,
		Runtime:      runtimeTerm,
		Cache:        current.cache,
		Capabilities: capabilities,
	}, operands, func(term *ast.Term) error {
		if found != nil {
			return errTwice
		}
		found = term
		return nil
	})
	if err != nil {
		return appendFault(to, name, err)
	}
	if found == nil {
		return append(to, kindUndefined)
	}
	return appendResult(to, found)
}

var noMetrics = metrics.NoOp()

func appendResult(to []byte, term *ast.Term) []byte {
	if text, ok := term.Value.(ast.String); ok && !valid(string(text)) {
		if len(text) > resultBytes {
			return append(to, kindTooLarge)
		}
		return append(append(to, kindBytes), text...)
	}
	result, err := encode(append(to, kindValue), term.Value, 0)
	if err != nil {
		return append(to[:0], kindTooLarge)
	}
	return result
}

func appendFault(to []byte, name string, err error) []byte {
	if halt, ok := errors.AsType[topdown.Halt](err); ok {
		err = halt.Err
	}
	if fault, ok := errors.AsType[*topdown.Error](err); ok {
		return appendError(to, fault.Code, fault.Message)
	}
	return appendError(to, topdown.BuiltinErr, name+": "+err.Error())
}

func appendError(to []byte, code, message string) []byte {
	return append(append(append(append(to, kindError), code...), 0), message...)
}
