package main

import (
	"maps"
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
	// METADATA says so, or somebody asked for it by name
	Annotated bool `json:"annotated"`
	// tables that are read only by keys out of the input; they aren't in Data
	Lookups []byKey `json:"lookups,omitempty"`
	// paths of Input that are read only where others have these values
	Branches []branch `json:"branches,omitempty"`
	// "bounded": the host is told until when what the clock said stays the same; time.now_ns is then not Nondeterministic
	Clock string `json:"clock,omitempty"`
	Cache *wish  `json:"cache,omitempty"`
}

// unflagged built-ins read the clock though OPA doesn't say so.
var unflagged = map[string]bool{
	"crypto.x509.parse_and_verify_certificates":              true,
	"crypto.x509.parse_and_verify_certificates_with_options": true,
}

type analysis struct {
	compiler *ast.Compiler
	// what each rule, and each reference to rules, can depend on; nil while it is being found
	rules map[*ast.Rule]*found
	refs  map[string]*found
	// a reference leads back to itself: nothing is kept then
	cyclic bool
	// what bodies ask of the input before they go on, those first that most of them ask
	guards *guards
	clock  *clock
}

// analyse compiles copies of the modules, so that aliases, imports and functions are resolved. A rule where data
// stands is an error here, as it is in OPA when a bundle is activated.
func analyse(files []bundle.ModuleFile, data map[string]any) (*analysis, []fault) {
	sites := markClockSites(files)
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
	a := &analysis{compiler: compiler, rules: map[*ast.Rule]*found{}, refs: map[string]*found{}}
	a.clock = followClock(compiler, a.reached, sites)
	a.guards = a.countGuards()
	return a, nil
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

// readsOf gives what the rules that the entrypoint can reach depend on. dependencies.Base isn't sound here: from
// `a := input.x; not a.y` it finds input.x.y only, though {} and {"x":{}} decide differently.
func (a *analysis) readsOf(path string) reads {
	all := newFound()
	w := &walker{a: a, into: all}
	w.ref(refOf(path), unguarded, nil)
	if a.cyclic {
		// OPA refuses recursion, so that a cycle is only one of what could be reached; each rule is then walked once
		all = newFound()
		all.replaced = true
		w = &walker{a: a, into: all, seen: map[*ast.Rule]bool{}}
		w.ref(refOf(path), unguarded, nil)
	}
	bounded := ""
	if a.clock.settle(refOf(path), all.builtins) {
		bounded = "bounded"
	}
	names := slices.Sorted(maps.Keys(all.builtins))
	if names == nil {
		names = []string{}
	}
	lookups := all.lookups()
	input, branches := shortest(all.paths()), []branch(nil)
	if !all.replaced {
		input, branches = a.guards.branchesOf(all.reduce())
	}
	// what is alone overlaps with nothing, so that the paths stay free of one another
	input = withKeys(input, lookups)
	return reads{
		Path: path, Input: input, Data: shortest(all.data), Lookups: lookups, Branches: branches,
		Deterministic: len(names) == 0, Nondeterministic: names, Clock: bounded,
	}
}

// found holds paths by their keys, and the names of built-ins.
type found struct {
	input map[string]*guarded
	// paths of which nothing counts but what they lead to in tables
	leads map[string]*guarded
	data  map[string][]string
	// how many arguments a function has, and of which more counts than what they lead to
	arity int
	asked map[int]bool
	// tables that are looked up, by their keys
	keyed    map[string]byKey
	builtins map[string]bool
	// a `with` was met: what is read under it isn't what the host has, so that no condition and no key tells anything
	replaced bool
}

func newFound() *found {
	return &found{
		input: map[string]*guarded{}, leads: map[string]*guarded{}, asked: map[int]bool{}, data: map[string][]string{}, keyed: map[string]byKey{}, builtins: map[string]bool{},
	}
}

// take adds what is read where a reference leads. A table that is looked up by an argument is looked up by what the caller
// gives, or read whole.
func (f *found) take(other *found, s standing, args []*ast.Term) {
	for key, read := range other.input {
		for _, at := range s.when {
			for when := range read.when {
				f.read(key, read.path, at.and(when))
			}
		}
	}
	for key, lead := range other.leads {
		for _, at := range s.when {
			for when := range lead.when {
				note(f.leads, key, lead.path, at.and(when))
			}
		}
	}
	for _, looked := range other.keyed {
		f.look(looked.given(s, args))
	}
	maps.Copy(f.data, other.data)
	maps.Copy(f.builtins, other.builtins)
	f.replaced = f.replaced || other.replaced
}

// reduce keeps what is handed on small.
func (f *found) reduce() *found {
	reduceGuarded(f.input)
	for _, lead := range f.leads {
		lead.reduce()
	}
	f.data = uncovered(f.data)
	return f
}

type walker struct {
	a    *analysis
	into *found
	// set where nothing may be kept: the rules that were walked
	seen map[*ast.Rule]bool
	// how often each variable stands in the rule, or in a body of `else`
	variables map[ast.Var]int
	// told of each body's conditions
	count func(asked []equality)
}

func (w *walker) follow(ref ast.Ref, s standing, args []*ast.Term) {
	if w.count != nil {
		return
	}
	if w.seen != nil {
		for _, rule := range w.a.reached(ref) {
			if !w.seen[rule] {
				w.seen[rule] = true
				w.rule(rule)
			}
		}
		return
	}
	w.into.take(w.a.behind(ref), s, args)
}

// behind gives what the rules that a reference can reach depend on.
func (a *analysis) behind(ref ast.Ref) *found {
	ref = a.untilRules(ref)
	key := shapeOf(ref)
	known, begun := a.refs[key]
	if begun {
		if known == nil {
			a.cyclic = true
			return newFound()
		}
		return known
	}
	a.refs[key] = nil
	all := newFound()
	for _, rule := range a.reached(ref) {
		all.join(a.rule(rule))
	}
	a.refs[key] = all.reduce()
	return all
}

func (a *analysis) rule(rule *ast.Rule) *found {
	known, begun := a.rules[rule]
	if begun {
		if known == nil {
			a.cyclic = true
			return newFound()
		}
		return known
	}
	a.rules[rule] = nil
	w := &walker{a: a, into: newFound()}
	w.rule(rule)
	a.rules[rule] = w.into.reduce()
	return w.into
}

func (a *analysis) reached(ref ast.Ref) []*ast.Rule {
	rules := a.compiler.GetRules(ref.ConstantPrefix())
	return append(rules, a.compiler.GetRulesDynamicWithOpts(ref, ast.RulesOptions{IncludeHiddenModules: true})...)
}

// untilRules cuts a reference where it reaches rules below which there are no others: what follows selects in a value.
func (a *analysis) untilRules(ref ast.Ref) ast.Ref {
	node := a.compiler.RuleTree
	for i, term := range ref {
		if node = node.Child(term.Value); node == nil {
			return ref
		}
		if len(node.Values) > 0 && len(node.Children) == 0 {
			return ref[:i+1]
		}
	}
	return ref
}

// shapeOf tells references apart that could reach different rules: what isn't constant could be anything.
func shapeOf(ref ast.Ref) string {
	var out strings.Builder
	for _, term := range ref[1:] {
		if ast.IsConstant(term.Value) {
			out.WriteString(term.Value.String())
		}
		out.WriteByte(0)
	}
	return out.String()
}

// isRule says whether rules stand where the reference leads: no base document can be there.
func (a *analysis) isRule(ref ast.Ref) bool {
	node := a.compiler.RuleTree
	for _, term := range ref {
		if node = node.Child(term.Value); node == nil {
			return false
		}
		if len(node.Values) > 0 {
			return true
		}
	}
	return false
}

// builtinOf gives the built-in that a reference names, or nil.
func builtinOf(ref ast.Ref) *ast.Builtin {
	// most references are to documents, and writing them out takes time
	if ref[0].Equal(ast.InputRootDocument) || ref[0].Equal(ast.DefaultRootDocument) {
		return nil
	}
	return ast.BuiltinMap[ref.String()]
}

// prefixIn gives the longest prefix that is made of strings; a number may index an array or name a key, so it ends it.
func prefixIn(ref ast.Ref) []string {
	path := []string{}
	for _, term := range ref[1:] {
		key, ok := term.Value.(ast.String)
		if !ok {
			break
		}
		path = append(path, string(key))
	}
	return path
}

// keyOf tells any two paths apart: each part is quoted, as any character may stand in a key.
func keyOf(path []string) string {
	var key strings.Builder
	for _, part := range path {
		key.WriteString(strconv.Quote(part))
	}
	return key.String()
}

// uncovered drops each path that another one covers.
func uncovered(paths map[string][]string) map[string][]string {
	out := make(map[string][]string, len(paths))
	for key, path := range paths {
		covered := false
		for n := range path {
			if _, has := paths[keyOf(path[:n])]; has {
				covered = true
				break
			}
		}
		if !covered {
			out[key] = path
		}
	}
	return out
}

// shortest sorts what no other path covers.
func shortest(paths map[string][]string) [][]string {
	out := [][]string{}
	for _, path := range uncovered(paths) {
		out = append(out, path)
	}
	slices.SortFunc(out, slices.Compare)
	return out
}
