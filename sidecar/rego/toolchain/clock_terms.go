package main

import (
	"math/big"

	"github.com/open-policy-agent/opa/v1/ast"
)

func (w *clockWalk) body(body ast.Body) {
	for _, expr := range body {
		w.expr(expr)
	}
}

func (w *clockWalk) expr(expr *ast.Expr) {
	for _, with := range expr.With {
		w.mustBeFree(with.Value)
	}
	switch terms := expr.Terms.(type) {
	case *ast.Term:
		// what is defined and not false holds: a number and an array always do
		w.flowOf(terms)
	case []*ast.Term:
		w.call(terms)
	case *ast.Every:
		w.mustBeFree(terms.Domain)
		w.within(func() {
			for _, term := range []*ast.Term{terms.Key, terms.Value} {
				if term != nil {
					w.bind(term, flow{slopes: still, many: true})
				}
			}
			w.body(terms.Body)
		})
	case *ast.Not:
		w.within(func() { w.body(terms.Body) })
	case *ast.SomeDecl:
	default:
		w.unknown(terms)
	}
}

// unknown refuses what could bring the clock into what isn't understood.
func (w *clockWalk) unknown(node any) {
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case ast.Var:
			if !w.vars[x].isFree() {
				w.escape()
			}
		case ast.Ref:
			if isClock(x) || x[0].Equal(ast.DefaultRootDocument) && !w.c.isQuiet(x) {
				w.escape()
			}
		}
		return false
	}).Walk(node)
}

// isQuiet says whether no rule or function whose value moves can be reached.
func (c *clock) isQuiet(ref ast.Ref) bool {
	if len(c.moving) == 0 {
		return true
	}
	for _, rule := range c.reached(ref) {
		if c.moving[rule] {
			return false
		}
	}
	return true
}

func (w *clockWalk) mustBeFree(term *ast.Term) flow {
	f := w.flowOf(term)
	if !f.isFree() {
		return w.escape()
	}
	return f
}

// bind gives a value to the variables of a pattern, and compares it with the rest of it.
func (w *clockWalk) bind(term *ast.Term, f flow) {
	if name, isVar := term.Value.(ast.Var); isVar {
		if _, known := w.vars[name]; !known {
			w.vars[name] = f
			return
		}
	}
	if known := w.pattern(term, f.many); !f.isFree() || !known.isFree() {
		w.escape()
	}
}

// pattern gives values to the variables that have none yet.
func (w *clockWalk) pattern(term *ast.Term, many bool) flow {
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension, ast.Ref:
			return true
		case ast.Var:
			if _, known := w.vars[x]; !known && !ast.RootDocumentNames.Contains(ast.NewTerm(x)) {
				w.vars[x] = flow{slopes: still, many: many}
			}
		}
		return false
	}).Walk(term)
	return w.flowOf(term)
}

func (w *clockWalk) isUnbound(term *ast.Term) bool {
	name, isVar := term.Value.(ast.Var)
	if !isVar {
		return false
	}
	_, known := w.vars[name]
	return !known
}

// flowOf follows the clock into a term.
func (w *clockWalk) flowOf(term *ast.Term) flow {
	switch x := term.Value.(type) {
	case ast.Null, ast.Boolean, ast.String:
		return unmoved
	case ast.Number:
		if number, ok := new(big.Rat).SetString(string(x)); ok && len(x) < 64 {
			return flow{slopes: still, number: number}
		}
		return unmoved
	case ast.Var:
		if ast.RootDocumentNames.Contains(term) {
			return w.refFlow(ast.Ref{term})
		}
		known, has := w.vars[x]
		if !has {
			known = flow{slopes: still, many: true}
			w.vars[x] = known
		}
		return known
	case ast.Ref:
		return w.refFlow(x)
	case *ast.Array:
		return w.array(x)
	case ast.Object:
		out := unmoved
		x.Foreach(func(key, value *ast.Term) { out = joinMany(out, w.mustBeFree(key), w.mustBeFree(value)) })
		return out
	case ast.Set:
		out := unmoved
		x.Foreach(func(item *ast.Term) { out = joinMany(out, w.mustBeFree(item)) })
		return out
	case *ast.ArrayComprehension:
		w.within(func() { w.body(x.Body); w.mustBeFree(x.Term) })
		return unmoved
	case *ast.SetComprehension:
		w.within(func() { w.body(x.Body); w.mustBeFree(x.Term) })
		return unmoved
	case *ast.ObjectComprehension:
		w.within(func() { w.body(x.Body); w.mustBeFree(x.Key); w.mustBeFree(x.Value) })
		return unmoved
	default:
		w.unknown(x)
		return flow{slopes: still, many: true}
	}
}

// joinMany gives a free flow that has many values where one of these has.
func joinMany(all ...flow) flow {
	out := unmoved
	for _, f := range all {
		out.many = out.many || f.many
	}
	return out
}

func (w *clockWalk) array(array *ast.Array) flow {
	out := unmoved
	for i := range array.Len() {
		f := w.flowOf(array.Elem(i))
		switch {
		case f.isFree():
			out.many = out.many || f.many
		case i == 0 && !f.pair:
			f.pair = true
			f.many = f.many || out.many
			out = f
		default:
			return w.escape()
		}
	}
	return out
}

func (w *clockWalk) refFlow(ref ast.Ref) flow {
	many := false
	for _, term := range ref[1:] {
		many = w.mustBeFree(term).many || many
	}
	out := flow{slopes: still, many: many}
	switch {
	case isClock(ref):
		// it isn't called here
		return w.escape()
	case ref[0].Equal(ast.DefaultRootDocument):
		if node := w.c.compiler.RuleTree.Find(ref); ref.IsGround() && node != nil && len(node.Values) == 1 && len(node.Children) == 0 {
			if rule := node.Values[0]; len(rule.Head.Args) == 0 && w.c.isAlone(rule) {
				value := w.c.values[rule]
				if w.c.overridden {
					value.number = nil
				}
				return value
			}
		}
		if !w.c.isStill(ref) {
			return w.escape()
		}
	case !ref[0].Equal(ast.InputRootDocument):
		out.many = w.mustBeFree(ref[0]).many || many
	}
	return out
}

// call follows the clock through a call: an operator, its operands, and maybe what takes the result.
func (w *clockWalk) call(terms []*ast.Term) {
	operator, ok := terms[0].Value.(ast.Ref)
	if !ok {
		w.unknown(terms)
		return
	}
	builtin := builtinOf(operator)
	if builtin == nil {
		w.callFunction(operator, terms[1:])
		return
	}
	arity := builtin.Decl.Arity()
	if builtin.Name == ast.Equality.Name && len(terms) == 3 {
		w.unify(terms[1], terms[2])
		return
	}
	if len(terms)-1 < arity {
		w.unknown(terms)
		return
	}
	operands := terms[1 : 1+arity]
	flows := make([]flow, 0, arity)
	for _, operand := range operands {
		flows = append(flows, w.flowOf(operand))
	}
	var out *ast.Term
	if len(terms) > 1+arity {
		out = terms[1+arity]
	}
	result := w.result(builtin.Name, terms[0].Location, flows, out)
	// a relation: it gives one result after the other
	result.many = result.many || builtin.Relation
	if out != nil {
		w.bind(out, result)
	}
}

func (w *clockWalk) unify(a, b *ast.Term) {
	if w.isUnbound(a) {
		w.bind(a, w.flowOf(b))
		return
	}
	w.bind(b, w.flowOfPattern(a))
}

// flowOfPattern gives values to the variables of a term that is no variable itself.
func (w *clockWalk) flowOfPattern(term *ast.Term) flow {
	if _, isArray := term.Value.(*ast.Array); isArray {
		unbound := false
		ast.WalkVars(term, func(name ast.Var) bool {
			_, known := w.vars[name]
			unbound = unbound || !known && !ast.RootDocumentNames.Contains(ast.NewTerm(name))
			return unbound
		})
		if unbound {
			// what it is compared with decides how often
			return w.pattern(term, true)
		}
	}
	return w.flowOf(term)
}

func (w *clockWalk) callFunction(operator ast.Ref, terms []*ast.Term) {
	rules := w.c.compiler.GetRules(operator.ConstantPrefix())
	if !operator.IsGround() || len(rules) == 0 {
		w.unknown(terms)
		w.unknown(operator)
		return
	}
	arity := len(rules[0].Head.Args)
	many := false
	value := flow{}
	for i, term := range terms[:min(arity, len(terms))] {
		f := w.flowOf(term)
		many = many || f.many
		for _, rule := range rules {
			w.c.give(rule, i, f)
		}
	}
	for _, rule := range rules {
		value = join(value, w.c.values[rule])
	}
	value.many = value.many || many
	if len(terms) > arity {
		w.bind(terms[arity], value)
	}
}
