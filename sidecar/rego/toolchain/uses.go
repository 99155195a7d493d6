package main

import (
	"cmp"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

// use is the first place where a built-in is called, or stands in for another.
type use struct {
	Name string `json:"name"`
	File string `json:"file"`
	Row  int    `json:"row"`
	Col  int    `json:"col"`
}

// usesOf lists the built-ins that the policy uses, by name: those that the module has itself, too. Rules that no
// entrypoint reaches count.
func (a *analysis) usesOf(files []bundle.ModuleFile) []use {
	first := map[string]use{}
	note := func(name string, at *ast.Location) {
		found := use{name, clean(at.File), at.Row, at.Col}
		if known, has := first[name]; !has || before(found, known) {
			first[name] = found
		}
	}
	for _, file := range files {
		// what the compiler makes of an expression has no place of its own
		at := file.Parsed.Package.Location
		ast.NewGenericVisitor(func(x any) bool {
			switch x := x.(type) {
			case *ast.Expr:
				at = cmp.Or(x.Location, at)
			case ast.Ref:
				if builtin := builtinOf(x); builtin != nil {
					note(builtin.Name, cmp.Or(x[0].Location, at))
				}
			}
			return false
		}).Walk(a.compiler.Modules[file.Path])
		// the compiled module has no prints any more
		ast.WalkRefs(file.Parsed, func(ref ast.Ref) bool {
			if ref[0].Equal(ast.VarTerm(ast.Print.Name)) && len(ref) == 1 && ref[0].Location != nil {
				note(ast.InternalPrint.Name, ref[0].Location)
			}
			return false
		})
	}
	out := slices.AppendSeq([]use{}, maps.Values(first))
	slices.SortFunc(out, func(a, b use) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func before(a, b use) bool {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Row, b.Row), cmp.Compare(a.Col, b.Col)) < 0
}
