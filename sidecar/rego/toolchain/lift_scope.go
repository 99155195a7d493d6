package main

import (
	"maps"

	"github.com/open-policy-agent/opa/v1/ast"
)

// What a term can be: known for one caller, or something of the document.
type symbolKind int

const (
	// known when the twin is evaluated
	plain symbolKind = iota
	// a field of the document
	aField
	// any element of a field that holds a list
	anElement
	// the document, or what holds it
	whole
	// a partial set that depends on the document
	aSet
	// an element's place, or an element that was compared with a whole list
	lost
)

type symbol struct {
	kind symbolKind
	// plain
	term *ast.Term
	// of a field and its elements
	field string
	// whole: a reference under input; a set: its rule
	ref ast.Ref
}

// shape tells apart what a function's twin is made for.
func (s symbol) shape() string {
	switch s.kind {
	case plain:
		return "plain"
	case aField:
		return "field " + s.field
	default:
		return "ref " + s.ref.String()
	}
}

// scope is one body while it is lifted.
type scope struct {
	l *lifter
	// what variables stand for; a variable that isn't here is itself
	env   map[ast.Var]symbol
	bound ast.VarSet
	out   ast.Body
	atoms []*ast.Term
	// fields that are read, and those that an atom needs anyway
	needs []string
	// there can be several ways in which the body holds
	several bool
	implied map[string]bool
	// variables for elements that no condition has been found for yet
	open map[ast.Var]string
	// what follows the expression that is lifted, as far as it shares variables with it
	rest []*ast.Expr
	head *ast.Term
	at   *ast.Location
}

func newScope(l *lifter) *scope {
	return &scope{l: l, env: map[ast.Var]symbol{}, bound: ast.NewVarSet(), implied: map[string]bool{}, open: map[ast.Var]string{}}
}

// inner gives the scope of a closure: what it binds isn't seen outside.
func (s *scope) inner() *scope {
	child := newScope(s.l)
	child.env, child.bound, child.at = maps.Clone(s.env), s.bound.Copy(), s.at
	return child
}

func (s *scope) refuse(format string, args ...any) {
	panic(s.l.refuse(s.at, format, args...))
}

func (s *scope) emit(e *ast.Expr) {
	e.Location = s.at
	s.out = append(s.out, e)
}

// hold adds a condition that holds only where the field is there.
func (s *scope) hold(field string, condition *ast.Term) {
	s.implied[field] = true
	s.atoms = append(s.atoms, condition)
}

// condition gives what the body asks of the document.
func (s *scope) condition() *ast.Term {
	s.settled()
	atoms := s.atoms
	for _, field := range s.needs {
		if !s.implied[field] {
			s.implied[field] = true
			atoms = append(atoms, fieldAtom("exists", field))
		}
	}
	if len(atoms) == 1 {
		return atoms[0]
	}
	return atom("and", ast.ArrayTerm(atoms...))
}

// settled refuses elements that no condition was found for.
func (s *scope) settled() {
	for _, field := range s.open {
		s.refuse("an element of %s is only given a name; compare it with == or in", field)
	}
}

// closed gives what is left to evaluate.
func (s *scope) closed() ast.Body {
	if len(s.out) == 0 {
		return ast.NewBody(ast.NewExpr(ast.BooleanTerm(true)))
	}
	return ast.NewBody(s.out...)
}

// take lets a function's parameter stand for an argument.
func (s *scope) take(pattern *ast.Term, arg symbol) {
	name, isVar := pattern.Value.(ast.Var)
	switch {
	case isVar:
		if before, twice := s.env[name]; twice {
			s.compare("eq", before, arg)
			return
		}
		s.env[name] = arg
	case arg.kind == plain:
		s.bind(pattern)
		s.emit(equate(pattern.Copy(), arg.term.Copy()))
	case arg.kind == aField && ast.IsConstant(pattern.Value):
		s.hold(arg.field, fieldAtom("eq", arg.field, pattern.Copy()))
	default:
		s.refuse("a function's argument that depends on the document must be a variable")
	}
}

// bind notes variables that have a value from here on.
func (s *scope) bind(node any) {
	vars := ast.NewVarVisitor().WithParams(ast.VarVisitorParams{SkipRefCallHead: true, SkipClosures: true, SkipWithTarget: true})
	vars.Walk(node)
	for name := range vars.Vars() {
		if _, stands := s.env[name]; !stands {
			s.bound.Add(name)
		}
	}
}

// mentions says whether what a node gives can depend on the document.
func (s *scope) mentions(node any) bool {
	found := false
	s.l.references(node, func(ref ast.Ref) { found = found || s.l.refDepends(ref) })
	ast.WalkVars(node, func(name ast.Var) bool {
		if symbol, stands := s.env[name]; stands && symbol.kind != plain {
			found = true
		}
		return found
	})
	return found
}

// put replaces variables by what they stand for.
func (s *scope) put(term *ast.Term) *ast.Term {
	return s.putExpr(ast.NewExpr(term)).Terms.(*ast.Term)
}

func (s *scope) putExpr(e *ast.Expr) *ast.Expr {
	replaced, err := ast.TransformVars(e.Copy(), func(name ast.Var) (ast.Value, error) {
		if symbol, stands := s.env[name]; stands && symbol.kind == plain {
			return symbol.term.Value, nil
		}
		return name, nil
	})
	if err != nil {
		s.refuse("this can't be derived: %v", err)
	}
	return replaced.(*ast.Expr)
}
