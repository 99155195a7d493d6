package main

import (
	"bytes"
	"context"
	"encoding/base64"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/compile"
	"github.com/open-policy-agent/opa/v1/format"
)

// buildingFlags are the flags of `opa build`.
type buildingFlags struct {
	Optimize    int    `json:"optimize"`
	Namespace   string `json:"partial_namespace"`
	PruneUnused bool   `json:"prune_unused"`
	Debug       bool   `json:"debug"`
	// an empty revision is one, too
	SetRevision *string `json:"set_revision"`
}

// formattingFlags are the flags of `opa fmt`.
type formattingFlags struct {
	// what is read is v0, unless it is to be v1
	V1Compatible  bool `json:"v1_compatible"`
	V0Compatible  bool `json:"v0_compatible"`
	DropV0Imports bool `json:"drop_v0_imports"`
	CheckResult   bool `json:"check_result"`
}

// authorBuild does what `opa build --target rego` does.
func authorBuild(req *request) (any, []fault) {
	capabilities, err := req.authorCapabilities()
	if err != nil {
		return failed(err), nil
	}
	t, err := req.tree()
	if err != nil {
		return failed(err), nil
	}
	var out, debug bytes.Buffer
	compiler := compile.New().WithCapabilities(capabilities).WithTarget(compile.TargetRego).WithAsBundle(req.AsBundle).
		WithPruneUnused(req.PruneUnused).WithOptimizationLevel(req.Optimize).
		WithEntrypoints(req.Entrypoints...).WithRegoAnnotationEntrypoints(true).WithPaths(req.Paths...).WithFS(t).
		WithFilter(req.filter(false)).WithPartialNamespace(req.Namespace).WithRegoVersion(req.authorVersion())
	if req.SetRevision != nil {
		compiler = compiler.WithRevision(*req.SetRevision)
	}
	if req.Debug {
		compiler = compiler.WithDebug(&debug)
	}
	if err := compiler.Build(context.Background()); err != nil {
		return failed(err), nil
	}
	// of a folder's files OPA keeps the folder's name, which a file system of its own has in the path only
	folders := req.AsBundle && len(req.Archives) == 0
	if err := bundle.NewWriter(&out).UseModulePath(folders).Write(*compiler.Bundle()); err != nil {
		return failed(err), nil
	}
	return report{Out: base64.StdEncoding.EncodeToString(out.Bytes()), Err: debug.String()}, nil
}

type formatted struct {
	Text   string        `json:"text"`
	Errors []authorFault `json:"errors,omitempty"`
	// the text is there, and can't be read
	Invalid bool `json:"invalid,omitempty"`
}

// authorFormat formats each file as `opa fmt` does; what is wrong with one leaves the others.
func authorFormat(req *request) (any, []fault) {
	reads, writes := req.formatVersions()
	capabilities, err := req.authorCapabilities()
	if err != nil {
		return failed(err), nil
	}
	current := ast.CapabilitiesForThisVersion(ast.CapabilitiesRegoVersion(writes))
	wide := *capabilities
	wide.FutureKeywords = joined(wide.FutureKeywords, current.FutureKeywords)
	wide.Features = joined(wide.Features, current.Features)
	out := map[string]formatted{}
	for path, text := range req.Files {
		done, err := format.SourceWithOpts(path, []byte(text), format.Opts{
			RegoVersion:                   writes,
			DropRedundantDirectiveImports: req.DropV0Imports,
			Capabilities:                  capabilities,
			ParserOptions:                 &ast.ParserOptions{RegoVersion: reads, Capabilities: &wide},
		})
		if err != nil {
			out[path] = formatted{Errors: authorFaults(err)}
			continue
		}
		one := formatted{Text: string(done)}
		if req.CheckResult {
			_, err := ast.ParseModuleWithOpts("formatted", one.Text, ast.ParserOptions{RegoVersion: writes, Capabilities: &wide})
			one.Errors, one.Invalid = authorFaults(err), err != nil
		}
		out[path] = one
	}
	return map[string]any{"files": out}, nil
}

// formatVersions gives the versions of Rego that are read and written.
func (r *request) formatVersions() (ast.RegoVersion, ast.RegoVersion) {
	reads, writes := ast.DefaultRegoVersion, ast.DefaultRegoVersion
	switch {
	case r.V0Compatible:
		reads, writes = ast.RegoV0, ast.RegoV0
	case r.V1Compatible:
		reads, writes = ast.RegoV1, ast.RegoV1
	case r.Both:
		reads = ast.RegoV0
	}
	if r.Both {
		writes = ast.RegoV0CompatV1
	}
	return reads, writes
}
