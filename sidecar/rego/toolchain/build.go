package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/compile"
)

type built struct {
	Wasm     string          `json:"wasm"`
	Manifest json.RawMessage `json:"manifest"`
	// JSON as text: a host that parsed it would lose digits
	Data        string    `json:"data_text"`
	Entrypoints []reads   `json:"entrypoints"`
	Rules       []rule    `json:"rules"`
	Indexed     []indexed `json:"indexed"`
}

func build(req *request) (any, []fault) {
	source, faults := req.read(false)
	if len(faults) > 0 {
		return nil, faults
	}
	// what an entrypoint reads is found before the marks go in
	analysis, faults := analyse(source.Modules, source.Data)
	if len(faults) > 0 {
		return nil, faults
	}
	paths, faults := analysis.entrypoints(source.Modules, req.Entrypoints)
	if len(faults) > 0 {
		return nil, faults
	}
	if faults := refuseIndexRoot(source); len(faults) > 0 {
		return nil, faults
	}
	rules, faults := markRules(source.Modules)
	if len(faults) > 0 {
		return nil, faults
	}
	compiler, indexed, err := buildIndexed(source, req.Index, func(source *bundle.Bundle) (*compile.Compiler, error) {
		compiler := compile.New().
			WithTarget(compile.TargetWasm).
			WithBundle(source).
			WithRegoVersion(req.version()).
			WithRegoAnnotationEntrypoints(true).
			WithEntrypoints(paths...).
			WithPruneUnused(true)
		if req.Revision != "" {
			compiler = compiler.WithRevision(req.Revision)
		}
		return compiler, compiler.Build(context.Background())
	})
	if err != nil {
		return nil, faultsOf(err)
	}
	out := compiler.Bundle()
	if len(out.WasmModules) != 1 {
		return nil, []fault{{Code: "bundle_error", Message: fmt.Sprintf("expected one WASM module, got %d", len(out.WasmModules))}}
	}
	entrypoints := make([]reads, 0, len(paths))
	for _, path := range paths {
		entrypoints = append(entrypoints, analysis.readsOf(path))
	}
	data := out.Data
	if data == nil {
		data = map[string]any{}
	}
	return built{
		Wasm:        base64.StdEncoding.EncodeToString(out.WasmModules[0].Raw),
		Manifest:    marshal(out.Manifest),
		Data:        string(marshal(data)),
		Entrypoints: entrypoints,
		Rules:       rules,
		Indexed:     indexed,
	}, nil
}

func dependencies(req *request) (any, []fault) {
	source, faults := req.read(false)
	if len(faults) > 0 {
		return nil, faults
	}
	analysis, faults := analyse(source.Modules, source.Data)
	if len(faults) > 0 {
		return nil, faults
	}
	paths, faults := analysis.entrypoints(source.Modules, req.Entrypoints)
	if len(faults) > 0 {
		return nil, faults
	}
	out := make([]reads, 0, len(paths))
	for _, path := range paths {
		out = append(out, analysis.readsOf(path))
	}
	return map[string]any{"entrypoints": out}, nil
}
