package main

import (
	"maps"

	"github.com/open-policy-agent/opa/v1/ast"
)

// standing is what is known where the evaluator stands.
//
// INVARIANT: the evaluator goes through a body from its beginning, in the order that the compiler gave it, and leaves it
// where an expression doesn't hold. So what a standing says was true, in this very evaluation, before anything that stands
// in it is looked at; what is read there and in the rules that are called from there is read under these conditions.
// That holds whatever the rule is (complete, partial, a function, a body of `else`, `not` or `every`), since nothing is
// said of results: which steps are taken depends only on what was read before, so that two inputs which agree on what is
// read unconditionally, and on what is read under the conditions that they meet, take the same steps to the same result
// or the same failure.
type standing struct {
	// one of these holds
	when []when
	// variables that have the value of a path
	places map[ast.Var]place
}

// place is a path under the input, or under an argument of the function.
type place struct {
	// -1: the input
	argument int
	path     []string
}

var unguarded = standing{when: []when{{}}}

// rule walks a rule. A body of `else` is reached whatever the ones before asked, so that it begins anew.
func (w *walker) rule(rule *ast.Rule) {
	if w.a.clock.escapes[rule] {
		w.into.builtins[clockEscapes] = true
	}
	for at := rule; at != nil; at = at.Else {
		s := unguarded
		w.variables = variablesOf(at)
		w.into.arity = len(at.Head.Args)
		for i, arg := range at.Head.Args {
			if name, ok := arg.Value.(ast.Var); ok {
				s = s.knows(name, place{argument: i})
				w.into.asked[i] = w.into.asked[i] || w.count == nil && !w.onlyLeads(name, at.Body)
			} else {
				w.into.asked[i] = true
			}
			w.node(arg, unguarded)
		}
		s = w.body(at.Body, s)
		for _, term := range []*ast.Term{at.Head.Key, at.Head.Value} {
			if term != nil {
				w.node(term, s)
			}
		}
		for _, term := range at.Head.Reference[min(1, len(at.Head.Reference)):] {
			w.node(term, s)
		}
	}
}

// body walks a body, of a rule or within one, and gives what is known at its end.
func (w *walker) body(body ast.Body, s standing) standing {
	failed := false
	for i, expr := range body {
		if name, path, ok := directName(expr); ok && w.count == nil && w.onlyLeads(name, body[i+1:]) {
			for _, when := range s.when {
				note(w.into.leads, keyOf(path), path, when)
			}
		} else {
			w.expr(expr, s)
		}
		// an index may leave the body out before it begins: it must not matter whether what stands before was tried
		failed = failed || !isPlain(expr)
		if asked := s.asks(expr); !failed && len(asked) > 0 {
			if w.count != nil {
				w.count(asked)
			} else {
				s = s.under(w.a.guards.either(asked))
			}
		}
		if name, at, ok := s.names(expr); ok {
			s = s.knows(name, at)
		}
	}
	return s
}

func (w *walker) expr(expr *ast.Expr, s standing) {
	for _, with := range expr.With {
		w.into.replaced = true
		w.node(with.Target, s)
		w.node(with.Value, s)
	}
	terms, isCall := expr.Terms.([]*ast.Term)
	if !isCall {
		w.node(expr.Terms, s)
		return
	}
	if ref, ok := terms[0].Value.(ast.Ref); ok {
		w.ref(ref, s, terms[1:])
		w.brackets(ref, s)
	} else {
		w.node(terms[0], s)
	}
	for _, term := range terms[1:] {
		w.node(term, s)
	}
}

func (w *walker) node(node any, s standing) {
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Annotations:
			return true
		case *ast.Expr:
			w.expr(x, s)
			return true
		case ast.Body:
			w.body(x, s)
			return true
		case *ast.ArrayComprehension:
			w.node(x.Term, w.body(x.Body, s))
			return true
		case *ast.SetComprehension:
			w.node(x.Term, w.body(x.Body, s))
			return true
		case *ast.ObjectComprehension:
			end := w.body(x.Body, s)
			w.node(x.Key, end)
			w.node(x.Value, end)
			return true
		case ast.Ref:
			w.ref(x, s, nil)
			w.brackets(x, s)
			return true
		case ast.Var:
			switch {
			case x.Equal(ast.InputRootDocument.Value):
				w.reads([]string{}, s)
			case x.Equal(ast.DefaultRootDocument.Value):
				w.into.data[keyOf(nil)] = []string{}
				w.follow(ast.DefaultRootRef, s, nil)
			}
		}
		return false
	}).Walk(node)
}

// brackets walks what stands in a reference: the head is accounted for, what stands in brackets may read, too.
func (w *walker) brackets(ref ast.Ref, s standing) {
	for _, term := range ref[1:] {
		w.node(term, s)
	}
	if _, isVar := ref[0].Value.(ast.Var); !isVar {
		w.node(ref[0], s)
	}
}

// ref notes what a reference reads; `args` where it is called.
func (w *walker) ref(ref ast.Ref, s standing, args []*ast.Term) {
	if builtin := builtinOf(ref); builtin != nil {
		if builtin.Nondeterministic || unflagged[builtin.Name] {
			w.into.builtins[builtin.Name] = true
		}
		return
	}
	switch {
	case ref[0].Equal(ast.InputRootDocument):
		w.reads(prefixIn(ref), s)
	case ref[0].Equal(ast.DefaultRootDocument):
		if looked, ok := w.a.lookedUp(ref, s); ok {
			w.into.look(looked)
			return
		}
		if !w.a.isRule(ref) {
			path := prefixIn(ref)
			w.into.data[keyOf(path)] = path
		}
		w.follow(ref, s, args)
	}
}

func (w *walker) reads(path []string, s standing) {
	for _, when := range s.when {
		w.into.read(keyOf(path), path, when)
	}
}

// knows adds a variable; who has the standing as it was keeps it.
func (s standing) knows(name ast.Var, at place) standing {
	places := maps.Clone(s.places)
	if places == nil {
		places = map[ast.Var]place{}
	}
	places[name] = at
	return standing{when: s.when, places: places}
}

// names reads `x := input.a.b`, or the same of what has a name already. INVARIANT: after it the variable has that value,
// wherever it got it.
func (s standing) names(expr *ast.Expr) (ast.Var, place, bool) {
	a, b, ok := equated(expr)
	if !ok {
		return "", place{}, false
	}
	for _, pair := range [][2]*ast.Term{{a, b}, {b, a}} {
		name, isVar := pair[0].Value.(ast.Var)
		if !isVar || pair[0].Equal(ast.InputRootDocument) || pair[0].Equal(ast.DefaultRootDocument) {
			continue
		}
		if at, ok := s.placeOf(pair[1]); ok {
			return name, at, true
		}
	}
	return "", place{}, false
}

// placeOf reads input.a.b, x.b where x is known, and x.
func (s standing) placeOf(term *ast.Term) (place, bool) {
	if name, ok := term.Value.(ast.Var); ok {
		at, known := s.places[name]
		return at, known
	}
	ref, ok := term.Value.(ast.Ref)
	if !ok || len(ref) == 0 {
		return place{}, false
	}
	rest := prefixIn(ref)
	if len(rest) != len(ref)-1 {
		return place{}, false
	}
	if ref[0].Equal(ast.InputRootDocument) {
		return place{argument: -1, path: rest}, true
	}
	name, ok := ref[0].Value.(ast.Var)
	if !ok {
		return place{}, false
	}
	at, known := s.places[name]
	return at.below(rest), known
}

func (p place) below(rest []string) place {
	path := make([]string, 0, len(p.path)+len(rest))
	return place{argument: p.argument, path: append(append(path, p.path...), rest...)}
}

// equated gives both sides of an equation that must hold.
func equated(expr *ast.Expr) (a, b *ast.Term, ok bool) {
	if a, b, ok = operands(expr, ast.Equality.Name); ok {
		return a, b, ok
	}
	return operands(expr, ast.Equal.Name)
}

// isPlain says whether an expression takes a few steps, and none that could end the evaluation.
func isPlain(expr *ast.Expr) bool {
	plain := len(expr.With) == 0
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Every, *ast.SomeDecl, *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension, ast.Call:
			plain = false
		case ast.Ref:
			if builtin := builtinOf(x); builtin != nil {
				plain = plain && harmless[builtin.Name]
			} else {
				plain = plain && len(prefixIn(x)) == len(x)-1 && !x[0].Equal(ast.DefaultRootDocument)
				_, isVar := x[0].Value.(ast.Var)
				plain = plain && isVar
			}
			return true
		}
		return !plain
	}).Walk(expr)
	return plain
}
