package main

import (
	"fmt"
	"slices"
	"strconv"
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
}

type analysis struct{ compiler *ast.Compiler }

// analyse compiles copies of the modules, so that aliases, imports and functions are resolved. A rule where data
// stands is an error here, as it is in OPA when a bundle is activated.
func analyse(files []bundle.ModuleFile, data map[string]any) (*analysis, []fault) {
	modules := map[string]*ast.Module{}
	for _, file := range files {
		modules[file.Path] = file.Parsed.Copy()
	}
	compiler := ast.NewCompiler().WithEnablePrintStatements(false).SetErrorLimit(100).
		WithPathConflictsCheck(holds(data)).WithPathConflictsCheckRoots([]string{""})
	compiler.Compile(modules)
	if compiler.Failed() {
		faults := faultsOf(compiler.Errors)
		sortFaults(faults)
		return nil, faults
	}
	return &analysis{compiler}, nil
}

func holds(data map[string]any) func([]string) (bool, error) {
	return func(path []string) (bool, error) {
		var at any = data
		for _, part := range path {
			object, ok := at.(map[string]any)
			if !ok {
				return false, nil
			}
			if at, ok = object[part]; !ok {
				return false, nil
			}
		}
		return true, nil
	}
}

// entrypoints gives those that METADATA marks and those asked for, sorted, each once.
func (a *analysis) entrypoints(files []bundle.ModuleFile, asked []string) ([]string, []fault) {
	parsed := make([]*ast.Module, 0, len(files))
	for _, file := range files {
		parsed = append(parsed, file.Parsed)
	}
	annotations, errs := ast.BuildAnnotationSet(parsed)
	if len(errs) > 0 {
		return nil, faultsOf(errs)
	}
	paths := []string{}
	for _, path := range asked {
		path = strings.Trim(path, "/")
		if len(a.compiler.GetRules(refOf(path))) == 0 {
			return nil, []fault{{Code: "unknown_entrypoint", Message: fmt.Sprintf("there is no rule or package at %s", path)}}
		}
		paths = append(paths, path)
	}
	for _, found := range annotations.Flatten() {
		if found.Annotations.Entrypoint {
			paths = append(paths, pathOf(found.Path))
		}
	}
	if len(paths) == 0 {
		return nil, []fault{{
			Code: "no_entrypoint", Message: "no METADATA says entrypoint: true, and no entrypoint was given",
		}}
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

// refOf gives data.a.b.c for a/b/c.
func refOf(path string) ast.Ref {
	ref := ast.DefaultRootRef.Copy()
	for _, part := range strings.Split(path, "/") {
		ref = ref.Append(ast.StringTerm(part))
	}
	return ref
}

// pathOf gives a/b/c for data.a.b.c.
func pathOf(ref ast.Ref) string {
	parts := make([]string, 0, len(ref))
	for _, term := range ref[1:] {
		if part, ok := term.Value.(ast.String); ok {
			parts = append(parts, string(part))
		}
	}
	return strings.Join(parts, "/")
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
				w.input[keyOf(nil)] = []string{}
			case x.Equal(ast.DefaultRootDocument.Value):
				w.data[keyOf(nil)] = []string{}
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
	paths[keyOf(path)] = path
}

// keyOf tells any two paths apart: each part is quoted, as any character may stand in a key.
func keyOf(path []string) string {
	var key strings.Builder
	for _, part := range path {
		key.WriteString(strconv.Quote(part))
	}
	return key.String()
}

// shortest drops each path that another one covers, and sorts the rest.
func shortest(paths map[string][]string) [][]string {
	out := [][]string{}
	for _, path := range paths {
		covered := false
		for n := range path {
			if _, has := paths[keyOf(path[:n])]; has {
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
