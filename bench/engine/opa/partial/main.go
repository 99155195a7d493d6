// Command partial measures OPA's own way to a filter: partial evaluation of a rule for one input after the other.
// Takes a file with {files, query, unknown, inputs}; prints {prepareMs, micros}.
package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/util"
)

type setup struct {
	Files   map[string]string `json:"files"`
	Query   string            `json:"query"`
	Unknown string            `json:"unknown"`
	Inputs  []any             `json:"inputs"`
}

func main() {
	raw, err := os.ReadFile(os.Args[1])
	must(err)
	var s setup
	must(util.UnmarshalJSON(raw, &s))
	ctx := context.Background()
	started := time.Now()
	data := map[string]any{}
	options := []func(*rego.Rego){rego.Query(s.Query), rego.NondeterministicBuiltins(true)}
	for name, text := range s.Files {
		if strings.HasSuffix(name, ".rego") {
			options = append(options, rego.Module(name, text))
		} else {
			must(util.UnmarshalJSON([]byte(text), &data))
		}
	}
	options = append(options, rego.Store(inmem.NewFromObject(data)))
	query, err := rego.New(options...).PrepareForPartial(ctx)
	must(err)
	prepared := time.Since(started)
	unknowns := []*ast.Term{ast.MustParseTerm(s.Unknown)}
	micros := make([]float64, 0, len(s.Inputs))
	for _, input := range s.Inputs {
		started := time.Now()
		found, err := query.Partial(ctx, rego.EvalInput(input), rego.EvalParsedUnknowns(unknowns), rego.EvalRuleIndexing(false))
		must(err)
		_ = found
		micros = append(micros, float64(time.Since(started).Nanoseconds())/1000)
	}
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{"prepareMs": float64(prepared.Microseconds()) / 1000, "micros": micros}))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
