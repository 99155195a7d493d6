package main

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

// reservedRoots are where generated packages stand.
var reservedRoots = []string{indexRoot, filterRoot, twinRoot}

// refuseReserved keeps policies and data from standing where generated packages stand.
func refuseReserved(source *bundle.Bundle) []fault {
	var faults []fault
	refuse := func(root string, at *ast.Location) {
		f := fault{Code: "reserved_package", Message: "data." + root + " is the toolchain's own"}
		if at != nil {
			f.File, f.Row, f.Col = clean(at.File), at.Row, at.Col
		}
		faults = append(faults, f)
	}
	for _, root := range reservedRoots {
		if _, taken := source.Data[root]; taken {
			refuse(root, nil)
		}
	}
	for _, file := range source.Modules {
		ast.WalkRefs(file.Parsed, func(ref ast.Ref) bool {
			if len(ref) > 1 && ref[0].Equal(ast.DefaultRootDocument) {
				if name, named := ref[1].Value.(ast.String); named && slices.Contains(reservedRoots, string(name)) {
					refuse(string(name), ref[0].Location)
				}
			}
			return false
		})
	}
	return faults
}

// indexable says whether nothing in the modules could tell that packages were added: nobody goes through all of data,
// nobody names a variable like a root document, no `with` puts something else in the place of a function (the planner
// then gives functions more arguments than a lookup passes).
func indexable(resolved []*ast.Module) bool {
	fine := true
	for _, module := range resolved {
		for _, imported := range module.Imports {
			fine = fine && !isRootName(imported.Name())
		}
		for _, r := range module.Rules {
			fine = fine && !isRootName(r.Head.Name) && !looksAround(r)
		}
	}
	return fine
}

func looksAround(node any) bool {
	found := false
	var look func(x any)
	look = func(node any) {
		ast.NewGenericVisitor(func(x any) bool {
			switch x := x.(type) {
			case *ast.With:
				ref, ok := x.Target.Value.(ast.Ref)
				found = found || !ok || !ref[0].Equal(ast.InputRootDocument)
			case *ast.SomeDecl:
				for _, symbol := range x.Symbols {
					found = found || declaresRoot(symbol)
				}
			case *ast.Every:
				found = found || declaresRoot(x.Key) || declaresRoot(x.Value)
			case *ast.Expr:
				found = found || (x.IsAssignment() && declaresRoot(x.Operand(0)))
			case ast.Ref:
				if x[0].Equal(ast.DefaultRootDocument) {
					_, named := termAt(x, 1).(ast.String)
					found = found || !named
				} else if _, isVar := x[0].Value.(ast.Var); !isVar {
					look(x[0])
				}
				for _, term := range x[1:] {
					look(term)
				}
				return true
			case ast.Var:
				found = found || x.Equal(ast.DefaultRootDocument.Value)
			}
			return false
		}).Walk(node)
	}
	look(node)
	return found
}

func termAt(ref ast.Ref, index int) ast.Value {
	if index >= len(ref) {
		return nil
	}
	return ref[index].Value
}

func declaresRoot(term *ast.Term) bool {
	if term == nil {
		return false
	}
	switch x := term.Value.(type) {
	case ast.Call:
		// `some k, v in xs`: what is gone through is no declaration
		found := false
		for _, declared := range x[1 : len(x)-1] {
			found = found || declaresRoot(declared)
		}
		return found
	}
	found := false
	ast.WalkVars(term, func(v ast.Var) bool {
		found = found || isRootName(v)
		return false
	})
	return found
}

func isRootName(name ast.Var) bool {
	return name.Equal(ast.DefaultRootDocument.Value) || name.Equal(ast.InputRootDocument.Value)
}

// movable says whether a rule means the same in another package, under another name.
func movable(r *ast.Rule) bool {
	head := r.Head
	if r.Default || r.Else != nil || len(head.Args) > 0 {
		return false
	}
	prefix, _ := prefixOf(head)
	for _, term := range prefix[1:] {
		if _, ok := term.Value.(ast.String); !ok {
			return false
		}
	}
	moves := true
	ast.WalkExprs(r.Body, func(expr *ast.Expr) bool {
		moves = moves && !(expr.IsCall() && expr.Operator().String() == ast.Print.Name)
		return false
	})
	ast.WalkRefs(r, func(ref ast.Ref) bool {
		moves = moves && !strings.HasPrefix(ref.String(), "rego.metadata.")
		return false
	})
	return moves
}
