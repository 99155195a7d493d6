package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/loader"
)

// report is what an author's command prints, and its exit code.
type report struct {
	Out    string        `json:"out"`
	Err    string        `json:"err"`
	Exit   int           `json:"exit"`
	Errors []authorFault `json:"errors,omitempty"`
	// what is right, and seldom meant
	Notes []fault `json:"notes,omitempty"`
	// of a coverage that the host draws
	Coverage any `json:"coverage,omitempty"`
	// the tests that ran
	Ran int `json:"ran"`
}

// authorFault is an error with what OPA tells of it.
type authorFault struct {
	fault
	Details any `json:"details,omitempty"`
}

// authorFaults finds the errors that an error is made of.
func authorFaults(err error) []authorFault {
	var many ast.Errors
	var loading loader.Errors
	var one *ast.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &loading):
		var out []authorFault
		for _, e := range loading {
			out = append(out, authorFaults(e)...)
		}
		return out
	case errors.As(err, &many):
		out := make([]authorFault, 0, len(many))
		for _, e := range many {
			out = append(out, authorFaults(e)...)
		}
		return out
	case errors.As(err, &one):
		found := authorFault{Details: one.Details}
		found.Code, found.Message = one.Code, one.Message
		if at := one.Location; at != nil {
			found.File, found.Row, found.Col = at.File, at.Row, at.Col
		}
		return []authorFault{found}
	default:
		return []authorFault{{fault: fault{Message: err.Error()}}}
	}
}

func failed(err error) report { return report{Exit: 1, Errors: authorFaults(err)} }

func (r *request) authorVersion() ast.RegoVersion {
	if r.Both {
		return ast.RegoV0CompatV1
	}
	return r.version()
}

// authorCapabilities reads the capabilities that the policies are held to; this OPA's unless told. There is no network,
// which they then say.
func (r *request) authorCapabilities() (*ast.Capabilities, error) {
	found, err := r.givenCapabilities()
	if err == nil {
		found.AllowNet = []string{}
	}
	return found, err
}

func (r *request) givenCapabilities() (*ast.Capabilities, error) {
	switch {
	case r.Capabilities == "":
		return ast.CapabilitiesForThisVersion(ast.CapabilitiesRegoVersion(r.authorVersion())), nil
	case strings.HasPrefix(strings.TrimSpace(r.Capabilities), "{"):
		return ast.LoadCapabilitiesJSON(strings.NewReader(r.Capabilities))
	default:
		found, err := ast.LoadCapabilitiesVersion(r.Capabilities)
		if err != nil {
			return nil, fmt.Errorf("--capabilities: no such file or capabilities version found: %s", r.Capabilities)
		}
		return found, nil
	}
}

func (r *request) schemaSet() *ast.SchemaSet {
	if r.Schemas == nil {
		return nil
	}
	set := ast.NewSchemaSet()
	for place, schema := range r.Schemas {
		key := ast.Ref{ast.SchemaRootDocument}
		if place != "" {
			for _, part := range strings.Split(place, "/") {
				key = append(key, ast.StringTerm(part))
			}
		}
		set.Put(key, schema)
	}
	return set
}

func (r *request) errorLimit() int {
	if r.MaxErrors == nil {
		return ast.CompileErrorLimitDefault
	}
	return *r.MaxErrors
}

// loader reads as OPA's commands do.
func (r *request) loader(t tree, capabilities *ast.Capabilities) loader.FileLoader {
	return loader.NewFileLoader().WithFS(t).WithRegoVersion(r.authorVersion()).WithProcessAnnotation(true).
		WithCapabilities(capabilities).WithSkipBundleVerification(true)
}

// authorCheck does what `opa check` does, and refuses what a build would.
func authorCheck(req *request) (any, []fault) {
	modules, compiler, err := req.forCheck()
	if err != nil {
		return failed(err), nil
	}
	parsed := slices.Collect(maps.Values(modules))
	notes := traps(modules)
	own := append(refuseOwnCalls(parsed), checkWishes(parsed)...)
	compiler.Compile(modules)
	if len(own) == 0 && !compiler.Failed() {
		_, _, own = lift(withoutTests(modules))
	}
	out := report{}
	if compiler.Failed() {
		out.Errors = authorFaults(compiler.Errors)
	}
	sortFaults(own)
	for _, one := range own {
		out.Errors = append(out.Errors, authorFault{fault: one})
	}
	if len(out.Errors) > 0 {
		out.Exit = 1
	} else {
		out.Notes = notes
	}
	return out, nil
}

func (r *request) forCheck() (map[string]*ast.Module, *ast.Compiler, error) {
	capabilities, err := r.authorCapabilities()
	if err != nil {
		return nil, nil, err
	}
	t, err := r.tree()
	if err != nil {
		return nil, nil, err
	}
	compiler := ast.NewCompiler().SetErrorLimit(r.errorLimit()).WithCapabilities(capabilities).WithSchemas(r.schemaSet()).
		WithEnablePrintStatements(true).WithStrict(r.Strict).WithUseTypeCheckAnnotations(true)
	if !r.AsBundle {
		loaded, err := r.loader(t, capabilities).Filtered(r.Paths, r.filter(true))
		if err != nil {
			return nil, nil, err
		}
		return loaded.ParsedModules(), compiler, nil
	}
	var bundles []*bundle.Bundle
	for _, path := range r.Paths {
		one, err := r.loader(t, capabilities).WithFilter(r.filter(false)).AsBundle(path)
		if err != nil {
			return nil, nil, err
		}
		bundles = append(bundles, one)
	}
	merged, err := bundle.Merge(bundles)
	if err != nil {
		return nil, nil, err
	}
	if len(merged.Data) > 0 {
		compiler = compiler.WithPathConflictsCheck(standsIn(merged.Data))
	}
	return maps.Clone(merged.ParsedModules("")), compiler, nil
}

// standsIn says whether a document stands at a path or above it.
func standsIn(data map[string]any) func([]string) (bool, error) {
	return func(path []string) (bool, error) {
		at := data
		for _, key := range path {
			value, ok := at[key]
			if !ok {
				return false, nil
			}
			below, ok := value.(map[string]any)
			if !ok {
				return true, nil
			}
			at = below
		}
		return len(path) > 0, nil
	}
}
