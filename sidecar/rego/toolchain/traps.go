package main

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
)

// trapCode is the code of what isn't wrong, and seldom meant.
const trapCode = "undefined_under_not"

// traps names what stands under `not` and is undefined where a field of the input is absent: `not input.x in list` and
// `not data.list[input.x]` then don't hold, and the rest of the body isn't tried (OPA's issue 1877), while `not input.x` and
// `not input.x == 1` do. Nothing is said where the body asks for the field besides, or `not` of the field alone stands
// anywhere.
func traps(modules map[string]*ast.Module) []fault {
	handled := map[string]bool{}
	for _, module := range modules {
		resolve := resolverOf(module)
		ast.WalkExprs(module, func(expr *ast.Expr) bool {
			if term, alone := expr.Terms.(*ast.Term); alone && expr.Negated {
				if ref := inputRef(term, resolve); ref != nil {
					handled[ref.String()] = true
				}
			}
			return false
		})
	}
	var faults []fault
	for path, module := range modules {
		if isTest(path) {
			continue
		}
		resolve := resolverOf(module)
		ast.WalkBodies(module, func(body ast.Body) bool {
			for _, expr := range body {
				if !expr.Negated {
					continue
				}
				for _, ref := range under(expr, resolve) {
					if asked(body, ref, resolve) || handledAbove(handled, ref) {
						continue
					}
					f := fault{Code: trapCode, Message: fmt.Sprintf("this doesn't hold where %[1]s is absent; if it should, add a rule with `not %[1]s`", ref)}
					if at := expr.Location; at != nil {
						f.File, f.Row, f.Col = clean(at.File), at.Row, at.Col
					}
					faults = append(faults, f)
					break
				}
			}
			return false
		})
	}
	sortFaults(faults)
	return faults
}

// under gives the fields of the input without which an expression is undefined, whatever it is negated by.
func under(expr *ast.Expr, resolve resolver) []ast.Ref {
	var found []ast.Ref
	deep := func(x any) {
		visitOutsideClosures(x, func(term *ast.Term) {
			if ref := inputRef(term, resolve); ref != nil {
				found = append(found, ref)
			}
		})
	}
	direct := func(term *ast.Term) {
		if ref, ok := term.Value.(ast.Ref); ok {
			for _, one := range ref[1:] {
				deep(one)
			}
		} else {
			deep(term)
		}
	}
	switch terms := expr.Terms.(type) {
	case *ast.Term:
		direct(terms)
	case []*ast.Term:
		for _, term := range terms[1:] {
			if expr.IsEquality() || terms[0].Equal(ast.NewTerm(ast.Equal.Ref())) {
				direct(term)
			} else {
				deep(term)
			}
		}
	}
	return found
}

func visitOutsideClosures(x any, visit func(*ast.Term)) {
	ast.NewGenericVisitor(func(x any) bool {
		term, ok := x.(*ast.Term)
		if !ok {
			return false
		}
		switch value := term.Value.(type) {
		case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
			return true
		case ast.Ref:
			visit(term)
			for _, one := range value[1:] {
				visitOutsideClosures(one, visit)
			}
			return true
		}
		visit(term)
		return false
	}).Walk(x)
}

// inputRef gives the constant beginning of a reference to a field of the input.
func inputRef(term *ast.Term, resolve resolver) ast.Ref {
	ref, ok := term.Value.(ast.Ref)
	if name, alone := term.Value.(ast.Var); alone {
		ref, ok = ast.Ref{ast.NewTerm(name)}, true
	}
	if !ok {
		return nil
	}
	full := resolve(ref[0]).Concat(ref[1:]).ConstantPrefix()
	if len(full) < 2 || !full[0].Equal(ast.InputRootDocument) {
		return nil
	}
	return full
}

// asked says whether another expression of a body is undefined, too, where a field is absent.
func asked(body ast.Body, field ast.Ref, resolve resolver) bool {
	found := false
	for _, expr := range body {
		if !expr.Negated {
			visitOutsideClosures(expr, func(term *ast.Term) {
				ref := inputRef(term, resolve)
				found = found || ref != nil && ref.HasPrefix(field)
			})
		}
	}
	return found
}

func handledAbove(handled map[string]bool, field ast.Ref) bool {
	for size := 2; size <= len(field); size++ {
		if handled[field[:size].String()] {
			return true
		}
	}
	return false
}
