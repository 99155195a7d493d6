package main

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

// A rule whose METADATA has `custom.filter.unknown` says of one document whether it may be seen:
//
//	include if { input.resource.document.tenant == caller.tenant; … }
//
// It becomes, beside itself, a rule that gives the condition on all documents instead, `countersign_filter/<its path>`.
// Each rule and function that depends on the document gets a twin that gives pairs of a value and the condition under
// which it has that value. What doesn't depend on the document stands in the twin as it was written, so that the same
// engine evaluates it for one caller:
//
//	package countersign_twin                          package countersign_filter.p
//	rule_0 := s0 if { s0 = {[true, c] |               include := ["or", cs] if {
//	    c = ["eq", "tenant", caller.tenant]; … } }        cs = [c | [v, c] = rule_0[_]; v != false] }
//
// The WASM compiler sees the twins as any other rule. They are made of the *compiled* rules: names are resolved, local
// variables renamed, nested expressions taken apart, and the order is one that can be evaluated.

// Roots of generated packages: no policy may declare, name or go through them, no data may stand there.
const (
	filterRoot = "countersign_filter"
	twinRoot   = "countersign_twin"
)

// filterCode is the code of what can't be derived.
const filterCode = "bundle_filter"

// filterRule is a rule that METADATA makes a filter.
type filterRule struct {
	path    string
	unknown ast.Ref
	at      *ast.Location
}

// addFilters adds the packages of the filters' twins, and gives the paths of the entrypoints.
func addFilters(source *bundle.Bundle) ([]string, []fault) {
	parsed := map[string]*ast.Module{}
	for _, file := range source.Modules {
		parsed[file.Path] = file.Parsed
	}
	made, filters, faults := lift(parsed)
	if len(faults) > 0 {
		return nil, faults
	}
	for _, module := range made {
		module.SetRegoVersion(ast.RegoV1)
		name := pathOf(module.Package.Path) + ".rego"
		source.Modules = append(source.Modules, bundle.ModuleFile{URL: name, Path: name, RelativePath: name, Raw: []byte("package p\n"), Parsed: module})
	}
	paths := []string{}
	for _, one := range filters {
		paths = append(paths, filterRoot+"/"+one.path)
	}
	return paths, nil
}

// lift gives the generated packages; nothing where there is no filter, or where the modules don't compile: whoever
// compiles them says why.
func lift(parsed map[string]*ast.Module) ([]*ast.Module, []filterRule, []fault) {
	filters, faults := filtersOf(slices.Collect(maps.Values(parsed)))
	if len(filters) == 0 || len(faults) > 0 {
		return nil, nil, faults
	}
	copies := map[string]*ast.Module{}
	for path, module := range parsed {
		copies[path] = module.Copy()
	}
	// prints would read the document
	compiler := ast.NewCompiler().WithEnablePrintStatements(false)
	if compiler.Compile(copies); compiler.Failed() {
		return nil, nil, nil
	}
	made, faults := liftAll(compiler, filters)
	return made, filters, faults
}

// liftAll makes the packages of the twins: one for the rules, one for each package that has filters.
func liftAll(compiler *ast.Compiler, filters []filterRule) ([]*ast.Module, []fault) {
	faults := refuseLooking(compiler)
	twins := &ast.Module{Package: packageAt(filters[0].at, twinRoot)}
	byPackage := map[string]*ast.Module{}
	made := []*ast.Module{twins}
	for _, one := range filters {
		l := newLifter(compiler, one, twins)
		entry := l.entry()
		faults = append(faults, l.faults...)
		if entry == nil {
			continue
		}
		parts := strings.Split(one.path, "/")
		above := strings.Join(parts[:len(parts)-1], "/")
		module := byPackage[above]
		if module == nil {
			module = &ast.Module{Package: packageAt(one.at, append([]string{filterRoot}, parts[:len(parts)-1]...)...)}
			byPackage[above] = module
			made = append(made, module)
		}
		faults = append(faults, l.leaks()...)
		locate(entry, one.at)
		entry.Module = module
		module.Rules = append(module.Rules, entry)
	}
	sortFaults(faults)
	return made, slices.CompactFunc(faults, func(a, b fault) bool { return a == b })
}

// leaks names twins that would read the document.
//
// INVARIANT: there are none, whatever a rule may say: a condition on all documents can't depend on one.
func (l *lifter) leaks() []fault {
	var faults []fault
	for _, r := range l.into.Rules[l.from:] {
		l.references(r, func(ref ast.Ref) {
			if ref[0].Equal(ast.DefaultRootDocument) && termAt(ref, 1) != nil && ref[1].Equal(ast.StringTerm(twinRoot)) {
				return
			}
			if l.refDepends(ref) {
				faults = append(faults, l.refuse(r.Location, "%s reads the document in a way that can't be derived", ref))
			}
		})
	}
	return faults
}

func packageAt(at *ast.Location, parts ...string) *ast.Package {
	path := ast.Ref{ast.NewTerm(ast.DefaultRootDocument.Value).SetLocation(at)}
	for _, part := range parts {
		path = append(path, ast.StringTerm(part).SetLocation(at))
	}
	return &ast.Package{Path: path, Location: at}
}

// locate gives each node a place: the compiler asks for it.
func locate(r *ast.Rule, at *ast.Location) {
	r.Location = at
	ast.WalkNodes(r, func(node ast.Node) bool {
		if node.Loc() == nil {
			node.SetLoc(at)
		}
		return false
	})
}

// filtersOf finds the rules that METADATA makes filters, each once, by path.
func filtersOf(parsed []*ast.Module) ([]filterRule, []fault) {
	annotations, errs := ast.BuildAnnotationSet(parsed)
	if len(errs) > 0 {
		return nil, faultsOf(errs)
	}
	var filters []filterRule
	var faults []fault
	for _, found := range annotations.Flatten() {
		custom, has := found.Annotations.Custom["filter"]
		if !has {
			continue
		}
		at := found.Annotations.Location
		refuse := func(message string) {
			faults = append(faults, fault{Code: filterCode, Message: message, File: clean(at.File), Row: at.Row, Col: at.Col})
		}
		if found.Annotations.Scope != "rule" && found.Annotations.Scope != "document" {
			refuse("custom.filter stands at a rule")
			continue
		}
		unknown, ok := unknownOf(custom)
		if !ok {
			refuse("custom.filter is {unknown: PATH}, a path of names under input, e.g. input.resource.document")
			continue
		}
		one := filterRule{path: pathOf(found.Path), unknown: unknown, at: at}
		if strings.Count(one.path, "/") != len(found.Path)-2 {
			refuse("a filter's path is made of names without a slash")
			continue
		}
		if r := found.GetRule(); r != nil && r.Location != nil {
			one.at = r.Location
		}
		same := func(other filterRule) bool { return other.path == one.path }
		if i := slices.IndexFunc(filters, same); i < 0 {
			filters = append(filters, one)
		} else if !filters[i].unknown.Equal(one.unknown) {
			refuse("the filter has another unknown at another of its bodies")
		}
	}
	slices.SortFunc(filters, func(a, b filterRule) int { return cmp.Compare(a.path, b.path) })
	return filters, faults
}

func unknownOf(custom any) (ast.Ref, bool) {
	fields, ok := custom.(map[string]any)
	text, isText := fields["unknown"].(string)
	if !ok || !isText || len(fields) != 1 {
		return nil, false
	}
	ref, err := ast.ParseRef(text)
	if err != nil || len(ref) < 2 || !ref[0].Equal(ast.InputRootDocument) {
		return nil, false
	}
	for _, term := range ref[1:] {
		if _, isText := term.Value.(ast.String); !isText {
			return nil, false
		}
	}
	return ref, true
}

// refuseLooking keeps policies from going through all of data, where the generated packages would be seen.
func refuseLooking(compiler *ast.Compiler) []fault {
	var faults []fault
	refuse := func(at *ast.Location) {
		f := fault{Code: filterCode, Message: "beside a filter no rule can go through all of data; name the document"}
		if at != nil {
			f.File, f.Row, f.Col = clean(at.File), at.Row, at.Col
		}
		faults = append(faults, f)
	}
	for _, module := range compiler.Modules {
		for _, r := range module.Rules {
			at := r.Location
			ast.NewGenericVisitor(func(x any) bool {
				switch x := x.(type) {
				case *ast.Annotations:
					return true
				case *ast.Expr:
					at = cmp.Or(x.Location, at)
				case ast.Ref:
					if x[0].Equal(ast.DefaultRootDocument) {
						if _, named := termAt(x, 1).(ast.String); !named {
							refuse(at)
						}
					}
				}
				return false
			}).Walk(r)
		}
	}
	return faults
}

var fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

func (l *lifter) refuse(at *ast.Location, format string, args ...any) fault {
	f := fault{Code: filterCode, Message: fmt.Sprintf(format, args...) + " (the filter " + l.filter.path + " needs it)"}
	if at != nil {
		f.File, f.Row, f.Col = clean(at.File), at.Row, at.Col
	}
	return f
}
