package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

// What every path costs bounds their number: each is in the module's size and in its manifest, and OPA's compiler goes
// through all rules once for each.
const (
	mostEntrypoints = 1_000
	mostVisits      = 1_000_000
)

// logPackage has the policies of the decision log; so many of its paths are there in any case.
const (
	logPackage = "system/log"
	mostOfLog  = 16
)

// entrypoints are the paths that a build can answer.
type entrypoints struct {
	// what METADATA marks and what was asked for by name
	named []string
	// these, and every package and rule where there are not too many
	all []string
	// how many of them are filters
	filters int
	// what METADATA wants of the cache
	wishes *wishes
}

// with adds the filters' paths.
func (e entrypoints) with(filters []string) entrypoints {
	return entrypoints{named: joined(e.named, filters), all: joined(e.all, filters), filters: len(filters), wishes: e.wishes}
}

func joined(a, b []string) []string {
	both := slices.Concat(a, b)
	slices.Sort(both)
	return slices.Compact(both)
}

// entrypoints finds them, sorted, each once.
func (a *analysis) entrypoints(source *bundle.Bundle, asked []string) (entrypoints, []fault) {
	files := source.Modules
	parsed := parsedOf(files)
	annotations, errs := ast.BuildAnnotationSet(parsed)
	if len(errs) > 0 {
		return entrypoints{}, faultsOf(errs)
	}
	wishes, faults := wishesOf(parsed, annotations)
	if len(faults) > 0 {
		return entrypoints{}, faults
	}
	named := []string{}
	for _, path := range asked {
		path = strings.Trim(path, "/")
		if len(a.compiler.GetRules(refOf(path))) == 0 {
			return entrypoints{}, []fault{{Code: "unknown_entrypoint", Message: fmt.Sprintf("there is no rule or package at %s", path)}}
		}
		named = append(named, path)
	}
	for _, found := range annotations.Flatten() {
		if found.Annotations.Entrypoint {
			named = append(named, pathOf(found.Path))
		}
	}
	rules := 1
	for _, module := range parsed {
		rules += len(module.Rules)
	}
	all := append(slices.Clone(named), a.paths(rootsOf(source), min(mostEntrypoints, mostVisits/rules)-len(named))...)
	if len(all) == 0 {
		return entrypoints{}, []fault{{Code: "no_entrypoint", Message: "there is no rule that could answer"}}
	}
	slices.Sort(named)
	slices.Sort(all)
	return entrypoints{named: slices.Compact(named), all: slices.Compact(all), wishes: wishes}, nil
}

// rootsOf gives the roots of the manifest; none where everything is the bundle's.
func rootsOf(source *bundle.Bundle) []string {
	roots := []string{}
	if source.Manifest.Roots != nil {
		for _, root := range *source.Manifest.Roots {
			if root = strings.Trim(root, "/"); root == "" {
				return nil
			}
			roots = append(roots, root+"/")
		}
	}
	return roots
}

// paths gives the packages and rules that can answer, at most so many: packages first, short ones before long ones, as
// a path that is left out is answered by the nearest one above it; those of the decision log before all. Root documents are left out, as generated packages
// would be seen there, what lies above the bundle's roots, and functions, which answer nothing.
func (a *analysis) paths(roots []string, most int) []string {
	own := func(path string) bool {
		return len(roots) == 0 || slices.ContainsFunc(roots, func(root string) bool { return strings.HasPrefix(path+"/", root) })
	}
	type place struct {
		path  string
		rule  bool
		depth int
	}
	var places []place
	var visit func(node *ast.TreeNode, path string, depth int, rule bool) bool
	visit = func(node *ast.TreeNode, path string, depth int, rule bool) bool {
		// a package of functions is an empty object
		answers := slices.ContainsFunc(node.Values, func(r *ast.Rule) bool { return len(r.Head.Args) == 0 })
		rule = rule || len(node.Values) > 0
		holds := len(node.Values) > 0
		for _, child := range node.Children {
			key, ok := child.Key.(ast.String)
			// OPA splits an entrypoint's path where there is a slash
			if !ok || key == "" || strings.Contains(string(key), "/") {
				holds = true
				continue
			}
			if path == "" && slices.Contains(reservedRoots, string(key)) {
				continue
			}
			below := string(key)
			if path != "" {
				below = path + "/" + below
			}
			holds = visit(child, below, depth+1, rule) || holds
		}
		if path != "" && own(path) && (answers || holds && len(node.Values) == 0) {
			places = append(places, place{path, rule, depth})
		}
		return holds
	}
	if root := a.compiler.RuleTree.Child(ast.DefaultRootDocument.Value); root != nil {
		visit(root, "", 0, false)
	}
	// INVARIANT: what masks and drops is an entrypoint however much else there is: where it isn't, nothing is masked
	ofLog := func(p place) bool { return p.path == logPackage || strings.HasPrefix(p.path, logPackage+"/") }
	kept := 0
	for _, p := range places {
		if ofLog(p) {
			kept++
		}
	}
	most = max(most, min(kept, mostOfLog))
	slices.SortStableFunc(places, func(a, b place) int {
		if ofLog(a) != ofLog(b) {
			if ofLog(a) {
				return -1
			}
			return 1
		}
		if a.rule != b.rule {
			if a.rule {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(a.path, b.path))
	})
	out := []string{}
	for _, p := range places[:max(0, min(most, len(places)))] {
		out = append(out, p.path)
	}
	return out
}

// readsOf tells of each path.
func (e entrypoints) readsOf(a *analysis, paths []string) []reads {
	out := make([]reads, 0, len(paths))
	for _, path := range paths {
		one := a.readsOf(path)
		_, one.Annotated = slices.BinarySearch(e.named, path)
		one.Cache = e.wishes.of(path)
		out = append(out, one)
	}
	return out
}
