package main

import (
	"errors"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

// queryPackage holds the rule that a query is made.
const queryPackage = "countersign_query"

// queryFile stands in errors for the query's own text.
const queryFile = "query"

// addQuery makes the query a rule, `countersign_query/result`, an entrypoint: the set of its bindings, each an object of
// the query's variables, as OPA's own API gives them.
func (r *request) addQuery(source *bundle.Bundle) []fault {
	if r.Query == "" {
		return nil
	}
	body, err := r.parseQuery()
	if err != nil {
		return faultsOf(err)
	}
	for _, file := range source.Modules {
		if path := file.Parsed.Package.Path; len(path) > 1 && path[1].Equal(ast.StringTerm(queryPackage)) {
			at := file.Parsed.Package.Location
			return []fault{{Code: "reserved_package", Message: path.String() + " is the toolchain's own", File: clean(at.File), Row: at.Row, Col: at.Col}}
		}
	}
	module := ast.MustParseModuleWithOpts(
		"package "+queryPackage+"\n\n# METADATA\n# entrypoint: true\nresult contains {} if true\n",
		ast.ParserOptions{RegoVersion: ast.RegoV1, ProcessAnnotation: true},
	)
	rule := module.Rules[0]
	rule.Body = body
	rule.Head.Key = bindings(body)
	name := queryFile + ".rego"
	source.Modules = append(source.Modules, bundle.ModuleFile{URL: name, Path: name, RelativePath: name, Raw: []byte("package p\n"), Parsed: module})
	return nil
}

// parseQuery reads a query as Rego v1, which OPA does for both versions, and as v0 where that fails.
func (r *request) parseQuery() (ast.Body, error) {
	parse := func(version ast.RegoVersion) (ast.Body, error) {
		body, err := ast.ParseBodyWithOpts(r.Query, ast.ParserOptions{RegoVersion: version, Capabilities: r.capabilities()})
		ast.WalkNodes(body, func(node ast.Node) bool {
			if at := node.Loc(); at != nil {
				at.File = queryFile
			}
			return false
		})
		return body, err
	}
	body, err := parse(ast.RegoV1)
	if err != nil && r.version() == ast.RegoV0 {
		if older, failed := parse(ast.RegoV0); failed == nil {
			return older, nil
		}
	}
	var errs ast.Errors
	if errors.As(err, &errs) {
		for _, e := range errs {
			if e.Location != nil {
				e.Location.File = queryFile
			}
		}
	}
	return body, err
}

// bindings gives `{"x": x, …}` of the variables that a query binds.
func bindings(body ast.Body) *ast.Term {
	vars := ast.NewVarVisitor().WithParams(ast.VarVisitorParams{
		SkipRefCallHead: true, SkipClosures: true, SkipWithTarget: true, SkipWildcardVars: true,
	})
	vars.Walk(body)
	pairs := [][2]*ast.Term{}
	for _, name := range slices.Sorted(maps.Keys(vars.Vars())) {
		if !ast.RootDocumentNames.Contains(ast.NewTerm(name)) && !name.IsGenerated() && !name.IsWildcard() {
			pairs = append(pairs, ast.Item(ast.StringTerm(string(name)), ast.NewTerm(name)))
		}
	}
	return ast.ObjectTerm(pairs...)
}
