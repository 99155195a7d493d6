package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/compile"
)

// OPA's Go evaluator indexes rules; its WASM planner runs each body of a rule, one after the other. So the bodies that
// ask one field of the input for a string move to packages that are named after the string, and the rule looks its
// package up by the field's value, which the planner makes a lookup in a table:
//
//	allow if { input.resource.type == "model"; … }     (many of them)
//
// becomes, for each value and once,
//
//	package countersign_index["0"].model               package p
//	rule contains true if {                            allow := v if { k := input.resource.type
//	    input.resource.type == "model"; … }                some v in data.countersign_index["0"][k].rule }
//
// INVARIANT: a body keeps its condition, so that the index can only leave out bodies that can't hold.

// indexRoot is the root of generated packages: no policy may declare, name or iterate it, no data may stand there.
const indexRoot = "countersign_index"

// indexRule can't be written as a variable, so that no variable in a moved body is taken for the rule.
const indexRule = "countersign rule"

// fewest bodies that are worth a lookup
const indexFrom = 8

// indexed tells which rules are looked up.
type indexed struct {
	Ref    string   `json:"ref"`
	Rules  int      `json:"rules"`
	By     []string `json:"by"`
	Groups int      `json:"groups"`
}

// buildIndexed builds with the index where there is something to index, without it where that build fails for any
// reason: an index must not refuse what builds without one.
// An index unless the request says false.
func buildIndexed(source *bundle.Bundle, wanted *bool, prepare func(*bundle.Bundle) (*compile.Compiler, error)) (*compile.Compiler, []indexed, error) {
	if wanted == nil || *wanted {
		if built, list := attempt(source, prepare); built != nil {
			return built, list, nil
		}
	}
	built, err := prepare(source)
	return built, []indexed{}, err
}

// attempt gives nothing where there is nothing to index, and where anything goes wrong.
func attempt(source *bundle.Bundle, prepare func(*bundle.Bundle) (*compile.Compiler, error)) (built *compile.Compiler, list []indexed) {
	defer func() {
		if recover() != nil {
			built = nil
		}
	}()
	rewritten, list := indexBundle(source)
	if len(list) == 0 {
		return nil, nil
	}
	built, err := prepare(rewritten)
	if err != nil {
		return nil, nil
	}
	return built, list
}

// entry is one body of a rule: as its author wrote it, and with all its names resolved.
type entry struct {
	file     int
	written  *ast.Rule
	resolved *ast.Rule
	asks     []ask
}

// set holds the bodies of one rule in one package, whichever files they stand in.
type set struct {
	ref     string
	entries []entry
}

type indexer struct {
	source   *bundle.Bundle
	files    []bundle.ModuleFile
	modules  []*ast.Module
	made     []bundle.ModuleFile
	packages int
	// bodies that may still be copied: the module grows by so many
	spare  int
	by     []string
	groups int
}

// indexBundle gives a copy of the bundle with its rules indexed, and their list, which is empty where there are none.
func indexBundle(source *bundle.Bundle) (*bundle.Bundle, []indexed) {
	resolved, ok := resolve(source.Modules)
	if !ok || !indexable(resolved) {
		return nil, nil
	}
	x := &indexer{source: source}
	for i, file := range source.Modules {
		module := *file.Parsed
		module.Rules = slices.Clone(module.Rules)
		module.Annotations = slices.Clone(module.Annotations)
		x.modules = append(x.modules, &module)
		// the text isn't built from
		x.files = append(x.files, bundle.ModuleFile{
			URL: file.URL, Path: file.Path, RelativePath: file.RelativePath, Raw: []byte("package p\n"), Parsed: x.modules[i],
		})
	}
	var list []indexed
	sets := setsOf(source.Modules, resolved)
	for _, rules := range sets {
		x.spare += len(rules.entries)
	}
	for _, rules := range sets {
		x.by, x.groups = nil, 0
		if moved := x.indexSet(rules); moved > 0 {
			list = append(list, indexed{Ref: rules.ref, Rules: moved, By: x.by, Groups: x.groups})
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	out := *source
	out.Modules = append(x.files, x.made...)
	return &out, list
}

// resolve gives the modules with aliases and imports replaced by what they stand for; rules keep their places.
func resolve(files []bundle.ModuleFile) ([]*ast.Module, bool) {
	modules := map[string]*ast.Module{}
	for _, file := range files {
		modules[file.Path] = file.Parsed
	}
	compiler := ast.NewCompiler().WithEnablePrintStatements(true).WithOnlyStagesUpTo(ast.StageResolveRefs)
	compiler.Compile(modules)
	if compiler.Failed() {
		return nil, false
	}
	out := make([]*ast.Module, 0, len(files))
	for _, file := range files {
		module := compiler.Modules[file.Path]
		if module == nil || len(module.Rules) != len(file.Parsed.Rules) {
			return nil, false
		}
		out = append(out, module)
	}
	return out, true
}

// setsOf gathers, in the order of the files, the bodies of each rule that has enough of them.
func setsOf(files []bundle.ModuleFile, resolved []*ast.Module) []*set {
	var order []*set
	byRef := map[string]*set{}
	for i, module := range resolved {
		for j, r := range module.Rules {
			if !movable(r) {
				continue
			}
			name := setName(module.Package.Path, r.Head)
			if byRef[name] == nil {
				prefix, _ := prefixOf(r.Head)
				byRef[name] = &set{ref: module.Package.Path.Concat(nameOf(prefix)).String()}
				order = append(order, byRef[name])
			}
			byRef[name].entries = append(byRef[name].entries, entry{
				file: i, written: files[i].Parsed.Rules[j], resolved: r, asks: asksOf(r.Body),
			})
		}
	}
	return slices.DeleteFunc(order, func(s *set) bool { return len(s.entries) < indexFrom })
}

// setName tells rules apart that can't share a lookup: sets, single values and objects.
func setName(pkg ast.Ref, head *ast.Head) string {
	prefix, key := prefixOf(head)
	return fmt.Sprintf("%s %s %d %t", pkg, prefix, head.RuleKind(), key == nil)
}

// prefixOf splits the key of a partial object from the name before it.
func prefixOf(head *ast.Head) (ast.Ref, *ast.Term) {
	ref := head.Ref()
	if last := ref[len(ref)-1]; len(ref) > 1 && head.RuleKind() == ast.SingleValue {
		if _, named := last.Value.(ast.String); !named {
			return ref[:len(ref)-1], last
		}
	}
	return ref, nil
}

// nameOf gives a rule's name as the end of a path: its first term is a variable.
func nameOf(ref ast.Ref) []*ast.Term {
	out := slices.Clone(ref)
	if name, ok := out[0].Value.(ast.Var); ok {
		out[0] = ast.StringTerm(string(name))
	}
	return out
}

// indexSet moves the set's bodies and says how many; 0 where no field tells them apart.
func (x *indexer) indexSet(rules *set) int {
	lookups, rest := x.split(rules.entries, nil)
	if len(lookups) == 0 {
		return 0
	}
	stays := map[*ast.Rule]bool{}
	for _, e := range rest {
		stays[e.written] = true
	}
	moved := map[*ast.Rule]bool{}
	for _, e := range rules.entries {
		if !stays[e.written] {
			moved[e.written] = true
		}
	}
	at := rules.entries[0]
	host := x.modules[at.file]
	for _, module := range x.modules {
		module.Rules = slices.DeleteFunc(module.Rules, func(r *ast.Rule) bool { return moved[r] })
	}
	var first *ast.Rule
	for _, lookup := range lookups {
		r := lookup.rule(at.resolved.Head, at.written.Loc())
		first = cmp.Or(first, r)
		r.Module = host
		host.Rules = append(host.Rules, r)
	}
	x.reattach(moved, first)
	return len(moved)
}
