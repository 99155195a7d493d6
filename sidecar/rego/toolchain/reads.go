package main

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

// reads tells what an entrypoint's result can depend on: paths under input and data, and built-ins whose result
// isn't a function of their arguments. A path that holds another one covers it.
type reads struct {
	Path             string     `json:"path"`
	Input            [][]string `json:"input"`
	Data             [][]string `json:"data"`
	Deterministic    bool       `json:"deterministic"`
	Nondeterministic []string   `json:"nondeterministic"`
}

// unflagged built-ins read the clock though OPA doesn't say so.
var unflagged = map[string]bool{
	"crypto.x509.parse_and_verify_certificates":              true,
	"crypto.x509.parse_and_verify_certificates_with_options": true,
	"opa.runtime": true,
	"trace":       false,
}

type analysis struct{ compiler *ast.Compiler }

// analyse compiles copies of the modules, so that aliases, imports and functions are resolved.
func analyse(files []bundle.ModuleFile) (*analysis, []fault) {
	modules := map[string]*ast.Module{}
	for _, file := range files {
		modules[file.Path] = file.Parsed.Copy()
	}
	compiler := ast.NewCompiler().WithEnablePrintStatements(false)
	compiler.Compile(modules)
	if compiler.Failed() {
		return nil, faultsOf(compiler.Errors)
	}
	return &analysis{compiler}, nil
}

// readsOf walks the compiled rules that the entrypoint can reach. dependencies.Base isn't sound here: from
// `a := input.x; not a.y` it finds input.x.y only, though {} and {"x":{}} decide differently.
func (a *analysis) readsOf(path string) reads {
	w := walker{compiler: a.compiler, seen: map[*ast.Rule]bool{}, input: map[string][]string{}, data: map[string][]string{}, builtins: map[string]bool{}}
	w.follow(refOf(path))
	names := make([]string, 0, len(w.builtins))
	for name := range w.builtins {
		names = append(names, name)
	}
	slices.Sort(names)
	return reads{
		Path: path, Input: shortest(w.input), Data: shortest(w.data),
		Deterministic: len(names) == 0, Nondeterministic: names,
	}
}

type walker struct {
	compiler *ast.Compiler
	seen     map[*ast.Rule]bool
	input    map[string][]string
	data     map[string][]string
	builtins map[string]bool
}

func (w *walker) follow(ref ast.Ref) {
	rules := w.compiler.GetRules(ref.ConstantPrefix())
	rules = append(rules, w.compiler.GetRulesDynamicWithOpts(ref, ast.RulesOptions{IncludeHiddenModules: true})...)
	for _, rule := range rules {
		if !w.seen[rule] {
			w.seen[rule] = true
			w.walk(rule)
		}
	}
}

func (w *walker) walk(node any) {
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Annotations:
			return true
		case ast.Ref:
			w.ref(x)
			// the head is accounted for; what stands in brackets may read, too
			for _, term := range x[1:] {
				w.walk(term)
			}
			if _, isVar := x[0].Value.(ast.Var); !isVar {
				w.walk(x[0])
			}
			return true
		case ast.Var:
			switch {
			case x.Equal(ast.InputRootDocument.Value):
				w.input[""] = []string{}
			case x.Equal(ast.DefaultRootDocument.Value):
				w.data[""] = []string{}
				w.follow(ast.DefaultRootRef)
			}
		}
		return false
	}).Walk(node)
}

func (w *walker) ref(ref ast.Ref) {
	if builtin, known := ast.BuiltinMap[ref.String()]; known {
		if builtin.Nondeterministic || unflagged[builtin.Name] {
			w.builtins[builtin.Name] = true
		}
		return
	}
	switch {
	case ref[0].Equal(ast.InputRootDocument):
		w.add(w.input, ref)
	case ref[0].Equal(ast.DefaultRootDocument):
		w.add(w.data, ref)
		w.follow(ref)
	}
}

// add notes the longest prefix that is made of strings; a number may index an array or name a key, so it ends it.
func (w *walker) add(paths map[string][]string, ref ast.Ref) {
	path := []string{}
	for _, term := range ref[1:] {
		key, ok := term.Value.(ast.String)
		if !ok {
			break
		}
		path = append(path, string(key))
	}
	paths[strings.Join(path, "\x00")] = path
}

// shortest drops each path that another one covers, and sorts the rest.
func shortest(paths map[string][]string) [][]string {
	out := [][]string{}
	for _, path := range paths {
		covered := false
		for n := range path {
			if _, has := paths[strings.Join(path[:n], "\x00")]; has {
				covered = true
				break
			}
		}
		if !covered {
			out = append(out, path)
		}
	}
	slices.SortFunc(out, slices.Compare)
	return out
}
