package main

import (
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// body lifts expressions. Those that share variables which depend on the document belong together: what they come to is
// one condition, whatever the others come to, so that the ways of one lookup aren't multiplied by those of another.
func (s *scope) body(body ast.Body) {
	var apart []*ast.Expr
	depends := ast.NewVarSet()
	for _, e := range body {
		if s.names(e, depends) || !s.mentions(e) && !sharesVars(e, depends) {
			s.each(e)
			continue
		}
		apart = append(apart, e)
		for _, name := range varsOf(e) {
			if !s.known(name) {
				depends.Add(name)
			}
		}
	}
	groups := groupsOf(apart, depends)
	for _, group := range groups {
		if len(groups) == 1 || s.head != nil && sharesVars(s.head, varsIn(group, depends)) {
			s.each(group...)
			continue
		}
		inner := s.inner()
		inner.each(group...)
		// in each of the ways
		maps.Copy(s.implied, inner.implied)
		if inner.several {
			s.some(s.local(ast.ArrayComprehensionTerm(inner.condition(), inner.closed())))
			continue
		}
		inner.settled()
		s.out = append(s.out, inner.out...)
		s.atoms = append(s.atoms, inner.atoms...)
		s.needs = append(s.needs, inner.needs...)
	}
}

// each lifts expressions in the order in which the compiler put them, in which each variable has a value before it is used.
func (s *scope) each(body ...*ast.Expr) {
	for i, e := range body {
		s.rest = body[i+1:]
		if e.Location != nil {
			s.at = e.Location
		}
		s.expr(e)
	}
}

// searches says whether there can be several ways in which an expression holds: it goes through keys or elements.
func (s *scope) searches(node any) bool {
	found := false
	ast.WalkRefs(node, func(ref ast.Ref) bool {
		for _, name := range varsOf([]*ast.Term(ref[1:])) {
			found = found || !s.known(name)
		}
		return false
	})
	return found
}

// names says whether an expression only gives the document, or a field of it, a name.
func (s *scope) names(e *ast.Expr, depends ast.VarSet) bool {
	if e.Negated || len(e.With) > 0 || !e.IsEquality() {
		return false
	}
	name, isVar := e.Operand(0).Value.(ast.Var)
	ref, isRef := e.Operand(1).Value.(ast.Ref)
	return isVar && isRef && !s.known(name) && !depends.Contains(name) && s.leads(ref)
}

// groupsOf puts together what shares variables.
func groupsOf(exprs []*ast.Expr, by ast.VarSet) [][]*ast.Expr {
	var groups [][]*ast.Expr
	for _, e := range exprs {
		joined := []*ast.Expr{}
		mine := varsIn([]*ast.Expr{e}, by)
		groups = slices.DeleteFunc(groups, func(group []*ast.Expr) bool {
			if !slices.ContainsFunc(group, func(other *ast.Expr) bool { return sharesVars(other, mine) }) {
				return false
			}
			joined = append(joined, group...)
			return true
		})
		groups = append(groups, append(joined, e))
	}
	for _, group := range groups {
		slices.SortStableFunc(group, func(a, b *ast.Expr) int { return slices.Index(exprs, a) - slices.Index(exprs, b) })
	}
	return groups
}

func varsIn(exprs []*ast.Expr, of ast.VarSet) ast.VarSet {
	out := ast.NewVarSet()
	for _, e := range exprs {
		for _, name := range varsOf(e) {
			if of.Contains(name) {
				out.Add(name)
			}
		}
	}
	return out
}

func sharesVars(node any, vars ast.VarSet) bool {
	return slices.ContainsFunc(varsOf(node), vars.Contains)
}

// varsOf gives variables, also those of closures; names of functions are none.
func varsOf(node any) []ast.Var {
	vars := ast.NewVarVisitor().WithParams(ast.VarVisitorParams{SkipRefCallHead: true})
	switch node := node.(type) {
	case []*ast.Term:
		for _, term := range node {
			vars.Walk(term)
		}
	default:
		vars.Walk(node)
	}
	return slices.Collect(maps.Keys(vars.Vars()))
}
