package main

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// read tells what a term is.
func (s *scope) read(term *ast.Term) symbol {
	switch x := term.Value.(type) {
	case ast.Var:
		if found, stands := s.env[x]; stands {
			if found.kind == plain {
				return symbol{kind: plain, term: found.term.Copy()}
			}
			return found
		}
		if x.Equal(ast.InputRootDocument.Value) {
			return s.input(ast.Ref{term})
		}
		return symbol{kind: plain, term: term.Copy()}
	case ast.Ref:
		return s.reference(x)
	}
	if s.mentions(term) {
		switch term.Value.(type) {
		case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
			s.refuse("a comprehension can't go through what depends on the document; write a rule for it, or `some … in`")
		}
		s.refuse("a value can't be made of what is in the document; compare its fields one by one")
	}
	return symbol{kind: plain, term: s.put(term)}
}

func (s *scope) reference(ref ast.Ref) symbol {
	switch head := ref[0].Value.(type) {
	case ast.Var:
		switch {
		case ref[0].Equal(ast.InputRootDocument):
			return s.input(ref)
		case ref[0].Equal(ast.DefaultRootDocument):
			return s.data(ref)
		}
		found, stands := s.env[head]
		if !stands {
			return s.pick(ref)
		}
		switch found.kind {
		case plain:
			return s.pick(append(ast.Ref{found.term.Copy()}, ref[1:]...))
		case whole:
			return s.input(slices.Concat(found.ref, ref[1:]))
		case aSet:
			return s.element(found, ref[1:])
		case aField:
			return s.within(found.field, ref[1:])
		}
		s.refuse("what is in %s can't be reached", found.words())
	}
	if s.mentions(ast.NewTerm(ref)) {
		s.refuse("this depends on the document in a way that can't be derived")
	}
	return symbol{kind: plain, term: s.put(ast.NewTerm(ref))}
}

// input tells what a reference under input reaches.
func (s *scope) input(ref ast.Ref) symbol {
	for i := 1; i < len(ref); i++ {
		if i >= len(s.l.unknown) {
			return s.document(ref[i:])
		}
		if !ast.IsConstant(ref[i].Value) {
			s.refuse("a name under %s must be written out: it could be the document", ref[:i])
		}
		if !ref[i].Equal(s.l.unknown[i]) {
			return s.pick(ref)
		}
	}
	return symbol{kind: whole, ref: ref.Copy()}
}

// document tells what a reference below the document reaches.
func (s *scope) document(below ast.Ref) symbol {
	name, isText := below[0].Value.(ast.String)
	if !isText {
		s.refuse("a field of the document must be named; it can't be computed")
	}
	if !fieldName.MatchString(string(name)) {
		s.refuse("%s can't be a field's name; it has letters, digits and _, at most 64", below[0])
	}
	if len(below) == 1 {
		return symbol{kind: aField, field: string(name)}
	}
	return s.within(string(name), below[1:])
}

// within: any element of a field that holds a list.
func (s *scope) within(field string, below ast.Ref) symbol {
	name, isVar := below[0].Value.(ast.Var)
	if !isVar || len(below) > 1 {
		s.refuse("a field of the document has no fields of its own (%s); configure a field for what is in it", field)
	}
	if s.known(name) {
		s.refuse("an element of the document's %s at a certain place can't be asked for; use `in`", field)
	}
	// a place means nothing afterwards
	s.env[name] = symbol{kind: lost}
	return symbol{kind: anElement, field: field}
}

// pick gives a reference into what is known. A field of the document in brackets is found by going through all keys:
// the condition is that the field is the key.
func (s *scope) pick(ref ast.Ref) symbol {
	out := ast.Ref{s.put(ref[0])}
	searched := false
	for _, term := range ref[1:] {
		found := s.read(term)
		switch found.kind {
		case plain:
			out = append(out, found.term)
			continue
		case aField, anElement:
		default:
			s.refuse("%s can't be a key", found.words())
		}
		key := s.l.fresh()
		out = append(out, key)
		searched = true
		if found.kind == aField {
			s.hold(found.field, fieldAtom("eq", found.field, key))
		} else {
			s.hold(found.field, fieldAtom("has", found.field, key))
		}
		if name, isVar := term.Value.(ast.Var); isVar {
			delete(s.open, name)
			s.env[name] = symbol{kind: plain, term: key}
		}
	}
	term := ast.NewTerm(out)
	s.several = s.several || s.searches(term)
	s.bind(term)
	if searched {
		term = s.local(term)
	}
	return symbol{kind: plain, term: term}
}

// data tells what a reference under data reaches.
func (s *scope) data(ref ast.Ref) symbol {
	if !s.l.refDepends(ref) {
		return s.pick(ref)
	}
	node := s.l.compiler.RuleTree.Child(ast.DefaultRootDocument.Value)
	for i := 1; i < len(ref) && node != nil; i++ {
		if !ast.IsConstant(ref[i].Value) {
			break
		}
		if node = node.Child(ref[i].Value); node == nil {
			break
		}
		if len(node.Values) == 0 {
			continue
		}
		if len(node.Children) > 0 || slices.ContainsFunc(node.Values, func(r *ast.Rule) bool { return !r.Head.Ref().IsGround() || len(r.Head.Args) > 0 }) {
			s.refuse("%s is an object that rules make member by member, and one of them depends on the document; use a function or a set", ref[:i+1])
		}
		return s.rule(ref[:i+1], node.Values, ref[i+1:])
	}
	s.refuse("%s reaches rules that depend on the document; name the rule", ref)
	return symbol{}
}

// rule gives the value that a rule has under conditions.
func (s *scope) rule(ref ast.Ref, rules []*ast.Rule, below ast.Ref) symbol {
	if rules[0].Head.RuleKind() == ast.MultiValue {
		set := symbol{kind: aSet, ref: ref.Copy()}
		if len(below) == 0 {
			return set
		}
		return s.element(set, below)
	}
	if stood, ok := s.standing(rules, nil, nil); ok {
		return s.below(stood, below)
	}
	return s.valued(s.twinTerm(ref, rules), below)
}

// complete says whether a reference is to a rule with one value, which depends on the document.
func (s *scope) complete(ref ast.Ref, rules []*ast.Rule) bool {
	if node := s.l.compiler.RuleTree.Find(ref); len(node.Children) > 0 || !s.l.refDepends(ref) {
		return false
	}
	for _, r := range rules {
		if r.Head.RuleKind() != ast.SingleValue || len(r.Head.Args) > 0 || !r.Head.Ref().IsGround() {
			return false
		}
	}
	_, standing := s.standing(rules, nil, nil)
	return !standing
}

func (s *scope) twinTerm(ref ast.Ref, rules []*ast.Rule) *ast.Term {
	return ast.RefTerm(ast.NewTerm(ast.DefaultRootDocument.Value), ast.StringTerm(twinRoot), ast.StringTerm(s.l.twin(ref, rules, nil)))
}

// oneOf goes through a collection.
func (s *scope) oneOf(collection *ast.Term) *ast.Term {
	s.several = true
	return s.local(s.l.anyOf(collection))
}

// valued goes through a twin's pairs.
func (s *scope) valued(twin *ast.Term, below ast.Ref) symbol {
	pair := s.oneOf(s.local(twin))
	s.atoms = append(s.atoms, indexed1(pair))
	return s.pick(append(ast.Ref{s.local(indexed0(pair))}, below...))
}

// below selects in what a rule or function stands for.
func (s *scope) below(found symbol, below ast.Ref) symbol {
	if len(below) == 0 {
		return found
	}
	name := s.l.fresh()
	s.env[name.Value.(ast.Var)] = found
	return s.reference(append(ast.Ref{name}, below...))
}

// standing gives what a rule stands for that only names the document or a field: `doc := input.resource.document`.
func (s *scope) standing(rules []*ast.Rule, patterns []*ast.Term, args []symbol) (found symbol, ok bool) {
	if len(rules) != 1 || rules[0].Default || rules[0].Else != nil {
		return symbol{}, false
	}
	r := rules[0]
	child := newScope(s.l)
	child.at = s.at
	for i, pattern := range patterns {
		name, isVar := pattern.Value.(ast.Var)
		if !isVar {
			return symbol{}, false
		}
		if _, twice := child.env[name]; twice {
			return symbol{}, false
		}
		child.env[name] = args[i]
	}
	for _, e := range r.Body {
		if e.Equal(ast.NewExpr(ast.BooleanTerm(true))) {
			continue
		}
		if e.Negated || len(e.With) > 0 || !e.IsEquality() {
			return symbol{}, false
		}
		name, isVar := e.Operand(0).Value.(ast.Var)
		ref, isRef := e.Operand(1).Value.(ast.Ref)
		if !isVar || !isRef || child.known(name) || !child.leads(ref) {
			return symbol{}, false
		}
		child.env[name] = child.reference(ref)
	}
	value := r.Head.Value
	name, isVar := value.Value.(ast.Var)
	if !isVar {
		return symbol{}, false
	}
	found, stands := child.env[name]
	if !stands || found.kind != aField && found.kind != whole {
		return symbol{}, false
	}
	for _, one := range child.env {
		if one.kind == aField {
			s.needs = append(s.needs, one.field)
		}
	}
	return found, true
}

// leads says whether a reference is to the document, to what holds it, or to one of its fields.
func (s *scope) leads(ref ast.Ref) bool {
	head, isVar := ref[0].Value.(ast.Var)
	if !isVar || !ref.IsGround() && len(varsOf([]*ast.Term(ref[1:]))) > 0 {
		return false
	}
	full := ref
	if found, stands := s.env[head]; stands {
		if found.kind != whole {
			return false
		}
		full = slices.Concat(found.ref, ref[1:])
	}
	return full[0].Equal(ast.InputRootDocument) && s.l.overlaps(full) && len(full) <= len(s.l.unknown)+1
}
