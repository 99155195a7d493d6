// Command builtins is OPA's Go implementation of Rego's built-ins as a WASI reactor: the host writes a name and the
// arguments into a buffer, calls builtins_call, and reads the answer. Values are written as OPA's WASM library writes
// them (opa_value_dump, opa_value_parse), so that sets, keys of any type and all digits of numbers pass through.
package main

import (
	"runtime"
	"runtime/debug"
	_ "time/tzdata" // the host gives no files
	"unsafe"
)

func main() {}

var (
	// in is where the host writes; it grows with the largest call and is let go after it.
	in []byte
	// out is the last answer; it keeps it from being collected until the next call.
	out []byte
)

// What stays allocated between calls.
const keptBytes = 256 << 10

// buffer gives the address of at least size bytes for the next call.
//
//go:wasmexport builtins_buffer
func buffer(size uint32) uint32 {
	if int(size) > len(in) {
		in = make([]byte, max(int(size), 4096))
	}
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(in))))
}

// configure takes the bytes of memory from which on Go collects its garbage more often, and settles what start-up left.
//
//go:wasmexport builtins_configure
func configure(softLimit int64) {
	debug.SetMemoryLimit(softLimit)
	runtime.GC()
}

// setRuntime takes the term that opa.runtime answers, from the buffer.
//
//go:wasmexport builtins_set_runtime
func setRuntime(size uint32) uint32 {
	term, err := decode(string(in[:size]))
	if err != nil {
		return 0
	}
	runtimeTerm = term
	return 1
}

// call takes sizes of the name and of the arguments, which stand in the buffer one behind the other, the decision's
// time in nanoseconds and its number. It gives address<<32 | size of the answer; its first byte tells the kind.
//
//go:wasmexport builtins_call
func call(nameSize, argsSize uint32, nowNs int64, decision float64) uint64 {
	name := string(in[:nameSize])
	args := string(in[nameSize : nameSize+argsSize])
	if cap(out) > keptBytes {
		out = nil
	}
	out = answer(out[:0], name, args, nowNs, decision)
	if len(in) > keptBytes {
		in = nil
	}
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(out))))<<32 | uint64(len(out))
}
