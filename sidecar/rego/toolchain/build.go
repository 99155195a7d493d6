package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/compile"
)

type built struct {
	Wasm     string          `json:"wasm"`
	Manifest json.RawMessage `json:"manifest"`
	// JSON as text: a host that parsed it would lose digits
	Data        string  `json:"data_text"`
	Entrypoints []reads `json:"entrypoints"`
	Rules       []rule  `json:"rules"`
}

func build(req *request) (any, []fault) {
	source, faults := req.read(false)
	if len(faults) > 0 {
		return nil, faults
	}
	// what an entrypoint reads is found before the marks go in
	analysis, faults := analyse(source.Modules)
	if len(faults) > 0 {
		return nil, faults
	}
	rules, faults := markRules(source.Modules)
	if len(faults) > 0 {
		return nil, faults
	}
	compiler := compile.New().
		WithTarget(compile.TargetWasm).
		WithBundle(source).
		WithRegoVersion(req.version()).
		WithRegoAnnotationEntrypoints(true).
		WithEntrypoints(req.Entrypoints...).
		WithPruneUnused(true)
	if req.Revision != "" {
		compiler = compiler.WithRevision(req.Revision)
	}
	if err := compiler.Build(context.Background()); err != nil {
		return nil, faultsOf(err)
	}
	out := compiler.Bundle()
	if len(out.WasmModules) != 1 {
		return nil, []fault{{Code: "bundle_error", Message: fmt.Sprintf("expected one WASM module, got %d", len(out.WasmModules))}}
	}
	entrypoints := []reads{}
	for _, resolver := range out.Manifest.WasmResolvers {
		if !slices.ContainsFunc(entrypoints, func(known reads) bool { return known.Path == resolver.Entrypoint }) {
			entrypoints = append(entrypoints, analysis.readsOf(resolver.Entrypoint))
		}
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
	}, nil
}

func dependencies(req *request) (any, []fault) {
	source, faults := req.read(false)
	if len(faults) > 0 {
		return nil, faults
	}
	analysis, faults := analyse(source.Modules)
	if len(faults) > 0 {
		return nil, faults
	}
	out := []reads{}
	for _, path := range req.Entrypoints {
		path = strings.Trim(path, "/")
		if len(analysis.compiler.GetRules(refOf(path))) == 0 {
			return nil, []fault{{Code: "unknown_entrypoint", Message: fmt.Sprintf("there is no rule or package at %s", path)}}
		}
		out = append(out, analysis.readsOf(path))
	}
	return map[string]any{"entrypoints": out}, nil
}

// refOf gives data.a.b.c for a/b/c.
func refOf(path string) ast.Ref {
	ref := ast.DefaultRootRef.Copy()
	for _, part := range strings.Split(path, "/") {
		ref = ref.Append(ast.StringTerm(part))
	}
	return ref
}
