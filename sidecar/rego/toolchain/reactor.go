//go:build wasip1

package main

import (
	"runtime/debug"
	"unsafe"
)

// buffers keeps what the host holds pointers to from being collected.
var buffers = map[uintptr][]byte{}

// main is never called: the host writes a request into memory, calls toolchain_handle, and reads the response.
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
