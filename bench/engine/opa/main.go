// Evaluates a policy with OPA's own evaluator, in process. Speaks JSON lines: one request in, one answer out.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/util"
)

type setup struct {
	Files  map[string]string `json:"files"`
	Data   string            `json:"data"` // a file
	Query  string            `json:"query"`
	Inputs []string          `json:"inputs"`
}

type request struct {
	Op    string   `json:"op"`
	Times int      `json:"times"`
	Paths []string `json:"paths"`
	Value any      `json:"value"`
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	var s setup
	must(json.Unmarshal(line(in), &s))

	ctx := context.Background()
	raw, err := os.ReadFile(s.Data)
	must(err)
	base := resident("VmRSS")
	started := cpu()
	var data map[string]any
	must(util.UnmarshalJSON(raw, &data))
	raw = nil
	store := inmem.NewFromObjectWithOpts(data, inmem.OptRoundTripOnWrite(false))
	loaded := cpu() - started

	options := []func(*rego.Rego){rego.Query(s.Query), rego.Store(store)}
	for name, text := range s.Files {
		options = append(options, rego.Module(name, text))
	}
	started = cpu()
	query, err := rego.New(options...).PrepareForEval(ctx)
	must(err)
	prepared := cpu() - started

	inputs := make([]any, len(s.Inputs))
	for i, text := range s.Inputs {
		must(util.UnmarshalJSON([]byte(text), &inputs[i]))
	}
	evaluate := func(txn storage.Transaction, input any) rego.ResultSet {
		options := []rego.EvalOption{rego.EvalInput(input)}
		if txn != nil {
			options = append(options, rego.EvalTransaction(txn))
		}
		results, err := query.Eval(ctx, options...)
		must(err)
		return results
	}
	answers := []any{}
	for _, input := range inputs {
		results := evaluate(nil, input)
		if len(results) == 0 {
			answers = append(answers, nil)
			continue
		}
		answers = append(answers, []any{results[0].Expressions[0].Value})
	}
	must(out.Encode(map[string]any{
		"answers": answers, "loadMs": loaded / 1e3, "prepareMs": prepared / 1e3, "baseMb": base, "peakMb": resident("VmHWM"),
	}))

	for {
		text := line(in)
		if len(text) == 0 {
			return
		}
		var r request
		must(json.Unmarshal(text, &r))
		started := cpu()
		switch r.Op {
		case "run":
			for i := range r.Times {
				evaluate(nil, inputs[i%len(inputs)])
			}
		case "patch":
			for _, path := range r.Paths {
				must(storage.WriteOne(ctx, store, storage.ReplaceOp, storage.MustParsePath("/"+strings.ReplaceAll(path, ".", "/")), r.Value))
			}
		default:
			must(fmt.Errorf("unknown op %q", r.Op))
		}
		must(out.Encode(map[string]any{"us": cpu() - started, "peakMb": resident("VmHWM")}))
	}
}

func line(in *bufio.Reader) []byte {
	text, err := in.ReadBytes('\n')
	if err != nil {
		return nil
	}
	return text
}

// resident reads a size in MB from /proc; 0 where there is none.
func resident(field string) float64 {
	raw, _ := os.ReadFile("/proc/self/status")
	for _, l := range strings.Split(string(raw), "\n") {
		if rest, ok := strings.CutPrefix(l, field+":"); ok {
			var kb float64
			fmt.Sscanf(strings.TrimSpace(rest), "%f", &kb)
			return kb / 1024
		}
	}
	return 0
}

// cpu gives this process's CPU time, all threads, in microseconds.
func cpu() float64 {
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e3
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
