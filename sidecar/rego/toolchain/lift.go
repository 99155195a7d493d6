package main

import (
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// lifter makes the twins of the rules that one filter needs.
type lifter struct {
	compiler *ast.Compiler
	filter   filterRule
	unknown  ast.Ref
	into     *ast.Module
	// where this filter's own twins begin
	from int
	// whether a rule depends on the document
	depends map[*ast.Rule]bool
	// names of twins, by rule and by what its arguments are
	twins  map[string]string
	vars   int
	faults []fault
}

func newLifter(compiler *ast.Compiler, filter filterRule, into *ast.Module) *lifter {
	return &lifter{
		compiler: compiler, filter: filter, unknown: filter.unknown, into: into, from: len(into.Rules),
		depends: map[*ast.Rule]bool{}, twins: map[string]string{},
	}
}

// fresh gives a variable that no compiled rule has.
func (l *lifter) fresh() *ast.Term {
	l.vars++
	return ast.VarTerm(fmt.Sprintf("__filter%d__", l.vars))
}

// entry gives the rule that answers for the filter: `["or", conditions]`.
func (l *lifter) entry() *ast.Rule {
	ref := refOf(l.filter.path)
	name := ref[len(ref)-1].Value.(ast.String)
	rules := l.rulesAt(ref)
	for _, r := range rules {
		if r.Head.RuleKind() != ast.SingleValue || len(r.Head.Args) > 0 || !r.Head.Ref().IsGround() {
			l.faults = append(l.faults, l.refuse(r.Location, "a filter is a rule that holds or doesn't: `%s if { … }`", name))
			return nil
		}
	}
	found, conditions := l.fresh(), l.fresh()
	body := ast.Body{
		equate(found, ast.RefTerm(ast.DefaultRootDocument, ast.StringTerm(twinRoot), ast.StringTerm(l.twin(ref, rules, nil)))),
		equate(conditions, l.truths(found)),
	}
	return &ast.Rule{
		Head: &ast.Head{
			Reference: ast.Ref{ast.VarTerm(string(name))}, Name: ast.Var(name),
			Value: ast.ArrayTerm(ast.StringTerm("or"), conditions), Assign: true,
		},
		Body: body,
	}
}

// truths gives the conditions of a twin's pairs whose value holds: `[e[1] | e = found[_]; e[0] != false]`.
func (l *lifter) truths(found *ast.Term) *ast.Term {
	pair := l.fresh()
	return ast.ArrayComprehensionTerm(indexed1(pair), ast.Body{
		equate(pair, l.anyOf(found)),
		ast.NotEqual.Expr(indexed0(pair), ast.BooleanTerm(false)),
	})
}

func (l *lifter) anyOf(collection *ast.Term) *ast.Term { return ast.RefTerm(collection, l.fresh()) }

func indexed0(pair *ast.Term) *ast.Term { return ast.RefTerm(pair, ast.IntNumberTerm(0)) }
func indexed1(pair *ast.Term) *ast.Term { return ast.RefTerm(pair, ast.IntNumberTerm(1)) }

func equate(a, b *ast.Term) *ast.Expr { return ast.Equality.Expr(a, b) }

// atom gives a condition: `[operator, …]`.
func atom(operator string, terms ...*ast.Term) *ast.Term {
	return ast.ArrayTerm(append([]*ast.Term{ast.StringTerm(operator)}, terms...)...)
}

func fieldAtom(operator, field string, terms ...*ast.Term) *ast.Term {
	return atom(operator, append([]*ast.Term{ast.StringTerm(field)}, terms...)...)
}

// twin gives the name of the twin of a rule or function: its value is the set of pairs of a value and the condition
// under which the rule has it. Arguments that depend on the document are fixed; the others are the twin's own.
func (l *lifter) twin(ref ast.Ref, rules []*ast.Rule, args []symbol) string {
	key := ref.String()
	for _, arg := range args {
		key += "\x00" + arg.shape()
	}
	if name, known := l.twins[key]; known {
		return name
	}
	name := fmt.Sprintf("rule_%d", len(l.into.Rules))
	l.twins[key] = name
	at := rules[0].Location
	// its place is taken before those that it needs
	twin := &ast.Rule{Location: at, Module: l.into}
	l.into.Rules = append(l.into.Rules, twin)
	args = slices.Clone(args)
	var params []*ast.Term
	for i, arg := range args {
		if arg.kind == plain {
			args[i].term = l.fresh()
			params = append(params, args[i].term)
		}
	}
	var body ast.Body
	var sets []*ast.Term
	var otherwise *ast.Rule
	for _, r := range rules {
		if r.Default {
			otherwise = r
			continue
		}
		var earlier []*ast.Term
		for branch := r; branch != nil; branch = branch.Else {
			set := l.fresh()
			body = append(body, equate(set, l.pairs(branch, args)))
			if len(earlier) > 0 {
				only := l.fresh()
				body = append(body, equate(only, l.unless(set, earlier)))
				sets = append(sets, only)
			} else {
				sets = append(sets, set)
			}
			earlier = append(earlier, set)
		}
	}
	if otherwise != nil {
		sets = append(sets, l.fallback(otherwise, sets))
	}
	value := ast.SetTerm()
	for _, set := range sets {
		if value.Equal(ast.SetTerm()) {
			value = set
			continue
		}
		both := l.fresh()
		body = append(body, equate(both, ast.Or.Call(value, set)))
		value = both
	}
	if len(body) == 0 {
		body = ast.NewBody(ast.NewExpr(ast.BooleanTerm(true)))
	}
	twin.Head = &ast.Head{Reference: ast.Ref{ast.VarTerm(name)}, Name: ast.Var(name), Args: params, Value: value, Assign: true}
	twin.Body = body
	locate(twin, at)
	return name
}

// conditionsOf gives all conditions of a set of pairs: `[e[1] | e = set[_]]`.
func (l *lifter) conditionsOf(set *ast.Term) *ast.Term {
	pair := l.fresh()
	return ast.ArrayComprehensionTerm(indexed1(pair), ast.Body{equate(pair, l.anyOf(set))})
}

// unless gives a branch's pairs, each under the condition that no earlier branch holds.
func (l *lifter) unless(set *ast.Term, earlier []*ast.Term) *ast.Term {
	pair := l.fresh()
	all := []*ast.Term{indexed1(pair)}
	body := ast.Body{equate(pair, l.anyOf(set))}
	for _, other := range earlier {
		conditions := l.fresh()
		body = append(body, equate(conditions, l.conditionsOf(other)))
		all = append(all, atom("not", atom("or", conditions)))
	}
	return ast.SetComprehensionTerm(ast.ArrayTerm(indexed0(pair), atom("and", ast.ArrayTerm(all...))), body)
}

// fallback gives the default value's pair: it is the value where no body holds.
func (l *lifter) fallback(r *ast.Rule, sets []*ast.Term) *ast.Term {
	if newScope(l).mentions(r.Head.Value) {
		l.faults = append(l.faults, l.refuse(r.Location, "a default that depends on the document can't be derived"))
	}
	none := []*ast.Term{}
	for _, set := range sets {
		none = append(none, atom("not", atom("or", l.conditionsOf(set))))
	}
	return ast.SetTerm(ast.ArrayTerm(r.Head.Value.Copy(), atom("and", ast.ArrayTerm(none...))))
}

// pairs gives what one body comes to: `{[value, condition] | body}`.
func (l *lifter) pairs(r *ast.Rule, args []symbol) (set *ast.Term) {
	defer func() {
		if caught := recover(); caught != nil {
			f, ok := caught.(fault)
			if !ok {
				panic(caught)
			}
			if !slices.Contains(l.faults, f) {
				l.faults = append(l.faults, f)
			}
			set = ast.SetTerm()
		}
	}()
	s := newScope(l)
	s.at = r.Location
	for i, pattern := range r.Head.Args {
		s.take(pattern, args[i])
	}
	s.head = r.Head.Value
	if r.Head.RuleKind() == ast.MultiValue {
		s.head = r.Head.Key
	}
	s.body(r.Body)
	value := s.read(s.head)
	if value.kind != plain {
		panic(l.refuse(r.Location, "a rule's value can't be one of the document's; compare it within the rule"))
	}
	return ast.SetComprehensionTerm(ast.ArrayTerm(value.term, s.condition()), s.closed())
}

// rulesAt gives the rules that stand at a path.
func (l *lifter) rulesAt(ref ast.Ref) []*ast.Rule {
	node := l.compiler.RuleTree.Find(ref)
	if node == nil {
		return nil
	}
	return node.Values
}

// ruleDepends says whether a rule's result can depend on the document.
func (l *lifter) ruleDepends(r *ast.Rule) bool {
	known, begun := l.depends[r]
	if begun {
		return known
	}
	l.depends[r] = false
	found := false
	l.references(r, func(ref ast.Ref) { found = found || l.refDepends(ref) })
	l.depends[r] = found
	return found
}

// references visits each reference below a node, and `input` and `data` where they stand alone.
func (l *lifter) references(node any, visit func(ast.Ref)) {
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Annotations:
			return true
		case ast.Ref:
			visit(x)
			for _, term := range x[1:] {
				l.references(term, visit)
			}
			return true
		case ast.Var:
			if isRootName(x) {
				visit(ast.Ref{ast.NewTerm(x)})
			}
		}
		return false
	}).Walk(node)
}

func (l *lifter) refDepends(ref ast.Ref) bool {
	switch {
	case ref[0].Equal(ast.InputRootDocument):
		return l.overlaps(ref)
	case ref[0].Equal(ast.DefaultRootDocument):
		return slices.ContainsFunc(l.reached(ref), l.ruleDepends)
	}
	return false
}

func (l *lifter) reached(ref ast.Ref) []*ast.Rule {
	rules := l.compiler.GetRules(ref.ConstantPrefix())
	return append(rules, l.compiler.GetRulesDynamicWithOpts(ref, ast.RulesOptions{IncludeHiddenModules: true})...)
}

// overlaps says whether a reference under input could reach the document, or what holds it.
func (l *lifter) overlaps(ref ast.Ref) bool {
	for i := 1; i < min(len(ref), len(l.unknown)); i++ {
		if ast.IsConstant(ref[i].Value) && !ref[i].Equal(l.unknown[i]) {
			return false
		}
	}
	return true
}
