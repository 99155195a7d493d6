package main

import "github.com/open-policy-agent/opa/v1/ast"

// function calls the twin that is made for what the arguments are.
func (s *scope) function(operator ast.Ref, operands []*ast.Term) {
	rules := s.l.rulesAt(operator)
	if len(rules) == 0 {
		s.refuse("there is no function %s", operator)
	}
	count := len(rules[0].Head.Args)
	args := make([]symbol, 0, count)
	var given []*ast.Term
	for _, operand := range operands[:count] {
		found := s.read(operand)
		switch found.kind {
		case plain:
			given = append(given, found.term)
		case aField:
			s.needs = append(s.needs, found.field)
		case whole:
		default:
			s.refuse("%s can't be an argument of %s", found.words(), operator)
		}
		args = append(args, found)
	}
	var output *ast.Term
	if len(operands) > count {
		output = operands[count]
	}
	if output != nil {
		if stood, ok := s.standing(rules, rules[0].Head.Args, args); ok {
			s.unifyWith(output, stood)
			return
		}
	}
	var twin *ast.Term
	path := ast.Ref{ast.NewTerm(ast.DefaultRootDocument.Value), ast.StringTerm(twinRoot), ast.StringTerm(s.l.twin(operator, rules, args))}
	if len(given) == 0 {
		// without arguments it is no function
		twin = s.local(ast.NewTerm(path))
	} else {
		twin = s.local(ast.CallTerm(append([]*ast.Term{ast.NewTerm(path)}, given...)...))
	}
	if output == nil {
		s.whether(twin)
		return
	}
	pair := s.oneOf(twin)
	s.atoms = append(s.atoms, indexed1(pair))
	s.unifyWith(output, symbol{kind: plain, term: s.local(indexed0(pair))})
}

// unifyWith lets a result stand for, or be compared with, what it is bound to.
func (s *scope) unifyWith(output *ast.Term, found symbol) {
	if name, isVar := output.Value.(ast.Var); isVar && !s.known(name) {
		s.name(name, found)
		return
	}
	s.compare("eq", s.read(output), found)
}

// whether: one of the twin's pairs whose value isn't false.
func (s *scope) whether(twin *ast.Term) {
	conditions := s.local(s.l.truths(twin))
	s.some(conditions)
}

// some: one of a list of conditions holds; where there is none, nothing else needs to be looked at.
func (s *scope) some(conditions *ast.Term) {
	s.emit(ast.NotEqual.Expr(conditions, ast.ArrayTerm()))
	s.atoms = append(s.atoms, atom("or", conditions))
}

// memberOfSet: `x in s`, where the elements of s depend on the document.
func (s *scope) memberOfSet(element *ast.Term, a, set symbol) {
	twin := s.local(s.twinTerm(set.ref, s.l.rulesAt(set.ref)))
	if a.kind == plain {
		pair := s.l.fresh()
		s.some(s.local(ast.ArrayComprehensionTerm(indexed1(pair), ast.Body{
			equate(pair, s.l.anyOf(twin)),
			ast.Equal.Expr(indexed0(pair), a.term),
		})))
		return
	}
	pair := s.oneOf(twin)
	s.atoms = append(s.atoms, indexed1(pair))
	value := symbol{kind: plain, term: s.local(indexed0(pair))}
	s.compare("eq", a, value)
	s.settle(element, value)
}

// element: `s[x].…`.
func (s *scope) element(set symbol, below ast.Ref) symbol {
	pair := s.oneOf(s.local(s.twinTerm(set.ref, s.l.rulesAt(set.ref))))
	s.atoms = append(s.atoms, indexed1(pair))
	value := s.local(indexed0(pair))
	if !s.ground(below[0]) && !s.mentions(below[0]) {
		pattern := s.put(below[0])
		s.bind(pattern)
		s.emit(equate(pattern, value))
	} else {
		s.compare("eq", s.read(below[0]), symbol{kind: plain, term: value.Copy()})
	}
	return s.pick(append(ast.Ref{value.Copy()}, below[1:]...))
}

// every: for all of what is known, the body must hold.
func (s *scope) every(every *ast.Every) {
	domain := s.read(every.Domain)
	if domain.kind != plain {
		s.refuse("`every` can't go through %s", domain.words())
	}
	value, key := every.Value, every.Key
	if key == nil {
		key = s.l.fresh()
	}
	over := s.local(domain.term)
	// of what is no collection nothing holds, though there would be nothing to go through
	collections := ast.SetTerm(ast.StringTerm("array"), ast.StringTerm("object"), ast.StringTerm("set"))
	s.emit(ast.Member.Expr(ast.TypeNameBuiltin.Call(over), collections))
	s.single(every.Body)
	inner := s.inner()
	inner.bind(value)
	inner.bind(key)
	inner.body(every.Body)
	ways := s.l.fresh()
	each := ast.ArrayComprehensionTerm(atom("or", ways), ast.Body{
		equate(value.Copy(), ast.RefTerm(over, key.Copy())),
		equate(ways, ast.ArrayComprehensionTerm(inner.condition(), inner.closed())),
	})
	s.atoms = append(s.atoms, atom("and", s.local(each)))
}
