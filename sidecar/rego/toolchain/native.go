//go:build unix

package main

import (
	"encoding/binary"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"
)

// mostMemory is where the program ends itself, and what Go begins to collect more often at, in bytes.
const (
	mostMemory = 4 << 30
	memoryGoal = 1 << 30
)

// collectAt is how much of the heap may be new before Go collects, in percent.
const collectAt = 400

// mostBytes is the longest request.
const mostBytes = 1 << 30

// main answers requests from the standard input until it ends. Requests and responses are frames: four bytes of length,
// big-endian, and JSON.
func main() {
	debug.SetMemoryLimit(memoryGoal)
	debug.SetGCPercent(collectAt)
	openNothing()
	go watchMemory()
	var size [4]byte
	for {
		if _, err := io.ReadFull(os.Stdin, size[:]); err != nil {
			return
		}
		length := binary.BigEndian.Uint32(size[:])
		if length > mostBytes {
			os.Exit(1)
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(os.Stdin, body); err != nil {
			return
		}
		out := respond(body)
		binary.BigEndian.PutUint32(size[:], uint32(len(out)))
		if _, err := os.Stdout.Write(append(size[:], out...)); err != nil {
			return
		}
	}
}

// openNothing keeps policies from files and the network, which built-ins and schemas could reach: what isn't open yet can't
// be opened.
func openNothing() {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{}); err != nil {
		os.Exit(1)
	}
}

// watchMemory ends the program where a policy would take the machine's memory.
func watchMemory() {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for range time.Tick(50 * time.Millisecond) {
		if metrics.Read(sample); sample[0].Value.Uint64() > mostMemory {
			os.Exit(1)
		}
	}
}
