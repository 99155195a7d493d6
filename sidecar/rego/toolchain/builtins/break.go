package main

import "unsafe"

// heapEnd is where the runtime's heap ends in linear memory: all above is untouched, and so zero.
//
//go:linkname heapEnd runtime.bloc
var heapEnd uintptr

// heapEndAddress tells the host where that stands, so that it knows after a trap how much has been written.
//
//go:wasmexport builtins_heap_end
func heapEndAddress() uint32 { return uint32(uintptr(unsafe.Pointer(&heapEnd))) }
