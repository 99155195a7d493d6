package main

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

func (s *scope) expr(e *ast.Expr) {
	switch {
	case !s.mentions(e):
		e = s.putExpr(e)
		s.several = s.several || s.searches(e)
		if !e.Negated {
			s.bind(e)
		}
		s.out = append(s.out, e)
	case len(e.With) > 0:
		s.refuse("`with` can't stand at what depends on the document")
	case e.Negated:
		s.negated(e)
	default:
		s.positive(e)
	}
}

// single refuses elements that got their name outside: inside of `not` and `every` each use would be of any element, where
// Rego asks of one and the same.
func (s *scope) single(node any) {
	ast.WalkVars(node, func(name ast.Var) bool {
		if found, stands := s.env[name]; stands && found.kind == anElement {
			s.refuse("an element of the document's %s can only stand in `not` or `every` once it was compared with == or in", found.field)
		}
		return false
	})
}

// negated: none of the ways in which the expression could hold does.
func (s *scope) negated(e *ast.Expr) {
	s.single(e)
	inner := s.inner()
	whole := e.Copy()
	whole.Negated = false
	inner.positive(whole)
	ways := s.local(ast.ArrayComprehensionTerm(inner.condition(), inner.closed()))
	if len(inner.atoms) == 0 && len(inner.needs) == 0 {
		s.emit(ast.Equal.Expr(ways, ast.ArrayTerm()))
		return
	}
	s.atoms = append(s.atoms, atom("not", atom("or", ways)))
}

// local gives a variable for a term.
func (s *scope) local(term *ast.Term) *ast.Term {
	name := s.l.fresh()
	s.emit(equate(name, term))
	return name
}

func (s *scope) positive(e *ast.Expr) {
	switch terms := e.Terms.(type) {
	case *ast.Term:
		s.truth(terms)
	case []*ast.Term:
		s.call(e.Operator(), e.Operands())
	case *ast.Every:
		s.every(terms)
	default:
		s.refuse("this can't be derived")
	}
}

// truth: a term that stands alone holds where it is defined and not false.
func (s *scope) truth(term *ast.Term) {
	if ref, isRef := term.Value.(ast.Ref); isRef {
		if rules := s.l.rulesAt(ref); len(rules) > 0 && s.complete(ref, rules) {
			s.whether(s.local(s.twinTerm(ref, rules)))
			return
		}
	}
	found := s.read(term)
	switch found.kind {
	case plain:
		s.emit(ast.NewExpr(found.term))
	case aField:
		s.hold(found.field, fieldAtom("is", found.field))
	case anElement:
		s.refuse("an element of %s can only be compared with == or in", found.field)
	case lost:
		s.refuse("%s can't be asked for", found.words())
	case whole, aSet:
		// always there
	}
}

var flipped = map[string]string{"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}

var comparisons = map[string]string{
	ast.Equal.Name: "eq", ast.NotEqual.Name: "ne", ast.LessThan.Name: "lt", ast.LessThanEq.Name: "le",
	ast.GreaterThan.Name: "gt", ast.GreaterThanEq.Name: "ge",
}

func (s *scope) call(operator ast.Ref, operands []*ast.Term) {
	name := operator.String()
	if operator[0].Equal(ast.DefaultRootDocument) {
		s.function(operator, operands)
		return
	}
	if len(operands) == 2 {
		if comparison, known := comparisons[name]; known {
			s.compare(comparison, s.read(operands[0]), s.read(operands[1]))
			return
		}
		switch name {
		case ast.Equality.Name:
			s.unify(operands[0], operands[1])
			return
		case ast.Member.Name:
			s.member(operands[0], operands[1])
			return
		case ast.StartsWith.Name, ast.EndsWith.Name, ast.Contains.Name:
			s.text(name, s.read(operands[0]), s.read(operands[1]))
			return
		}
	}
	read := make([]*ast.Term, 0, len(operands))
	for _, operand := range operands {
		if name, isVar := operand.Value.(ast.Var); isVar && !s.known(name) {
			read = append(read, operand.Copy())
			continue
		}
		found := s.read(operand)
		if found.kind != plain {
			s.refuse("%s can't be applied to %s; compare the document's field itself", nameOfCall(name), found.words())
		}
		read = append(read, found.term)
	}
	e := ast.NewExpr(append([]*ast.Term{ast.NewTerm(operator.Copy())}, read...))
	s.bind(e)
	s.emit(e)
}

func nameOfCall(name string) string {
	switch name {
	case ast.MemberWithKey.Name:
		return "`k, v in`"
	case ast.Plus.Name, ast.Minus.Name, ast.Multiply.Name, ast.Divide.Name, ast.Rem.Name:
		return "arithmetic (" + name + ")"
	case ast.Equal.Name, ast.NotEqual.Name, ast.LessThan.Name, ast.LessThanEq.Name, ast.GreaterThan.Name, ast.GreaterThanEq.Name, ast.Member.Name:
		return "the value of a comparison (" + name + ")"
	}
	return name
}

func (f symbol) words() string {
	switch f.kind {
	case aField:
		return "the document's " + f.field
	case anElement:
		return "an element of the document's " + f.field
	case whole:
		return "the document as a whole"
	case aSet:
		return "a set that depends on the document (" + f.ref.String() + ")"
	}
	return "an element of the document, or its place,"
}

// known says whether a variable has a value, or stands for something.
func (s *scope) known(name ast.Var) bool {
	_, stands := s.env[name]
	return stands || s.bound.Contains(name) || isRootName(name)
}

// unify lets a new variable stand for what is on the other side; else both must be equal.
func (s *scope) unify(a, b *ast.Term) {
	for _, side := range [][2]*ast.Term{{a, b}, {b, a}} {
		name, isVar := side[0].Value.(ast.Var)
		if !isVar || s.known(name) {
			continue
		}
		if other, isVar := side[1].Value.(ast.Var); isVar && !s.known(other) {
			continue
		}
		s.name(name, s.read(side[1]))
		return
	}
	s.equal(a, b)
}

func (s *scope) name(name ast.Var, found symbol) {
	switch found.kind {
	case plain:
		s.bound.Add(name)
		s.emit(equate(ast.NewTerm(name), found.term))
		return
	case aField:
		s.needs = append(s.needs, found.field)
	case anElement:
		s.open[name] = found.field
	case lost:
		s.refuse("%s can't be given a name", found.words())
	}
	s.env[name] = found
}

func (s *scope) equal(a, b *ast.Term) {
	x, y := s.read(a), s.read(b)
	if x.kind == plain && y.kind == plain {
		s.bind(x.term)
		s.bind(y.term)
		s.emit(equate(x.term, y.term))
		return
	}
	for _, side := range []*ast.Term{a, b} {
		if !s.ground(side) {
			s.refuse("a pattern can't be matched with %s", cmpOr(x, y).words())
		}
	}
	s.compare("eq", x, y)
	s.settle(a, y)
	s.settle(b, x)
}

func cmpOr(x, y symbol) symbol {
	if x.kind == plain {
		return y
	}
	return x
}

// ground says whether all variables of a term have values.
func (s *scope) ground(term *ast.Term) bool {
	all := true
	ast.WalkTerms(term, func(t *ast.Term) bool {
		switch x := t.Value.(type) {
		case ast.Ref:
			// what stands in brackets is found by going through them
			return true
		case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
			return true
		case ast.Var:
			all = all && s.known(x)
		}
		return false
	})
	return all
}

// settle lets a variable for an element be what the element is equal to.
func (s *scope) settle(term *ast.Term, to symbol) {
	if name, isVar := term.Value.(ast.Var); isVar && to.kind == plain {
		if _, open := s.open[name]; open {
			delete(s.open, name)
			s.env[name] = symbol{kind: plain, term: s.local(to.term.Copy())}
		}
	}
}

func (s *scope) compare(operator string, a, b symbol) {
	if a.kind == plain {
		a, b, operator = b, a, flipped[operator]
	}
	switch {
	case a.kind == plain:
		for name, short := range comparisons {
			if short == operator {
				// turned round above
				s.emit(ast.NewExpr([]*ast.Term{ast.RefTerm(ast.VarTerm(name)), a.term, b.term}))
			}
		}
	case b.kind != plain:
		s.refuse("%s can't be compared with %s: one side must be known for the caller", a.words(), b.words())
	case a.kind == aField:
		s.hold(a.field, fieldAtom(operator, a.field, b.term))
	case a.kind == anElement && operator == "eq":
		s.hold(a.field, fieldAtom("has", a.field, b.term))
	case a.kind == anElement:
		s.refuse("an element of the document's %s can only be compared with == or in", a.field)
	default:
		s.refuse("%s can't be compared; name a field", a.words())
	}
}

func (s *scope) text(name string, a, b symbol) {
	if a.kind != aField || b.kind != plain {
		s.refuse("%s is derived of a field of the document and a text that is known for the caller", name)
	}
	text := s.local(b.term)
	s.emit(ast.NewExpr([]*ast.Term{ast.NewTerm(ast.IsString.Ref()), text}))
	s.hold(a.field, fieldAtom(name, a.field, text))
}

// member: `x in xs`.
func (s *scope) member(element, collection *ast.Term) {
	a, b := s.read(element), s.read(collection)
	if b.kind == plain && isEmpty(b.term) {
		// going through it would be a type error
		s.emit(ast.NewExpr(ast.BooleanTerm(false)))
		if name, isVar := element.Value.(ast.Var); isVar {
			delete(s.open, name)
		}
		return
	}
	each := func() *ast.Term { return s.l.anyOf(s.local(b.term)) }
	switch {
	case a.kind == plain && b.kind == aField:
		s.hold(b.field, fieldAtom("has", b.field, a.term))
	case a.kind == aField && b.kind == plain:
		value, from := s.l.fresh(), each()
		list := ast.ArrayComprehensionTerm(value, ast.Body{equate(value, from)})
		s.hold(a.field, fieldAtom("in", a.field, s.local(list)))
	case a.kind == anElement && b.kind == plain:
		name, isVar := element.Value.(ast.Var)
		if isVar && s.laterUsed(name) {
			value := s.oneOf(s.local(b.term))
			s.hold(a.field, fieldAtom("has", a.field, value))
			s.settle(element, symbol{kind: plain, term: value})
			return
		}
		value, from := s.l.fresh(), each()
		list := ast.ArrayComprehensionTerm(value, ast.Body{equate(value, from)})
		s.hold(a.field, fieldAtom("any", a.field, s.local(list)))
		if isVar {
			delete(s.open, name)
			s.env[name] = symbol{kind: lost}
		}
	case b.kind == aSet && (a.kind == plain || a.kind == aField || a.kind == anElement):
		s.memberOfSet(element, a, b)
	case a.kind == plain && b.kind == plain:
		s.emit(ast.NewExpr([]*ast.Term{ast.NewTerm(ast.Member.Ref()), a.term, b.term}))
	default:
		s.refuse("`in` can't be derived of %s and %s", a.words(), b.words())
	}
}

func isEmpty(term *ast.Term) bool {
	switch x := term.Value.(type) {
	case *ast.Array:
		return x.Len() == 0
	case ast.Set:
		return x.Len() == 0
	case ast.Object:
		return x.Len() == 0
	}
	return false
}

func (s *scope) laterUsed(name ast.Var) bool {
	used := false
	for _, e := range s.rest {
		used = used || slices.Contains(varsOf(e), name)
	}
	return used || s.head != nil && slices.Contains(varsOf(s.head), name)
}
