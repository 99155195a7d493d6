package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

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
	// with the first place of use
	Builtins []use `json:"builtins"`
}

func build(req *request) (any, []fault) {
	source, faults := req.read(false)
	if len(faults) > 0 {
		return nil, faults
	}
	if faults := req.addQuery(source); len(faults) > 0 {
		return nil, faults
	}
	if faults := refuseReserved(source); len(faults) > 0 {
		return nil, faults
	}
	filters, faults := addFilters(source)
	if len(faults) > 0 {
		return nil, faults
	}
	// what an entrypoint reads is found before the marks go in
	analysis, faults := analyse(source.Modules, source.Data)
	if len(faults) > 0 {
		return nil, faults
	}
	found, faults := analysis.entrypoints(source, req.Entrypoints)
	if len(faults) > 0 {
		return nil, faults
	}
	found = found.with(filters)
	facts, uses := found.readsOf(analysis, found.all), analysis.usesOf(source.Modules)
	if slices.ContainsFunc(facts, func(r reads) bool { return r.Clock != "" }) {
		analysis.clock.rewrite()
	}
	analysis.withoutFunctions(source.Modules)
	// memory is short where there are many rules
	analysis = nil
	rules, faults := markRules(source.Modules)
	if len(faults) > 0 {
		return nil, faults
	}
	compiler, all, indexed, err := buildAll(source, req, found)
	if err != nil {
		return nil, faultsOf(err)
	}
	out := compiler.Bundle()
	if len(out.WasmModules) != 1 {
		return nil, []fault{{Code: "bundle_error", Message: fmt.Sprintf("expected one WASM module, got %d", len(out.WasmModules))}}
	}
	if !all {
		facts = slices.DeleteFunc(facts, func(r reads) bool { return !r.Annotated })
	}
	data := out.Data
	if req.Skeleton {
		if data, faults = req.yamlData(); len(faults) > 0 {
			return nil, faults
		}
	}
	return built{
		Wasm:        base64.StdEncoding.EncodeToString(out.WasmModules[0].Raw),
		Manifest:    marshal(out.Manifest),
		Data:        string(marshal(orEmpty(data))),
		Entrypoints: facts,
		Rules:       rules,
		Indexed:     indexed,
		Builtins:    uses,
	}, nil
}

// buildAll builds every path, or those that are named where OPA's compiler can't make one of the others: it then says
// that these aren't all.
func buildAll(source *bundle.Bundle, req *request, found entrypoints) (*compile.Compiler, bool, []indexed, error) {
	attempt := func(paths []string) (*compile.Compiler, []indexed, error) {
		return buildIndexed(source, req.Index, func(source *bundle.Bundle) (*compile.Compiler, error) {
			return compileBundle(source, req, paths)
		})
	}
	compiler, indexed, err := attempt(found.all)
	if err == nil || len(found.named) == found.filters || len(found.named) == len(found.all) {
		return compiler, true, indexed, err
	}
	if compiler, indexed, failed := attempt(found.named); failed == nil {
		return compiler, false, indexed, nil
	}
	return nil, true, nil, err
}

func compileBundle(source *bundle.Bundle, req *request, paths []string) (compiler *compile.Compiler, err error) {
	// OPA's planner panics where it meets what it doesn't know
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("the policy can't be compiled: %v", caught)
		}
	}()
	compiler = compile.New().
		WithTarget(compile.TargetWasm).
		WithCapabilities(req.capabilities()).
		WithBundle(source).
		WithRegoVersion(req.version()).
		WithRegoAnnotationEntrypoints(true).
		WithEntrypoints(paths...).
		WithEnablePrintStatements(true).
		WithPruneUnused(true)
	if req.Revision != "" {
		compiler = compiler.WithRevision(req.Revision)
	}
	return compiler, compiler.Build(context.Background())
}

// dependencies tells of the entrypoints that are named, or of all where none is.
func dependencies(req *request) (any, []fault) {
	source, faults := req.read(false)
	if len(faults) > 0 {
		return nil, faults
	}
	analysis, faults := analyse(source.Modules, source.Data)
	if len(faults) > 0 {
		return nil, faults
	}
	found, faults := analysis.entrypoints(source, req.Entrypoints)
	if len(faults) > 0 {
		return nil, faults
	}
	paths := found.all
	if len(found.named) > 0 {
		paths = found.named
	}
	return map[string]any{"entrypoints": found.readsOf(analysis, paths)}, nil
}
