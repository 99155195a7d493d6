package main

import (
	"cmp"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// ask is a condition that a lookup can stand for: a field of the input is one of some strings or, for a member, holds one.
type ask struct {
	name   string
	ref    ast.Ref
	member bool
	values []string
}

// most packages that one condition copies a body to
const indexCopies = 8

// asksOf finds the conditions at the top of a body: what holds only where they hold.
//
// INVARIANT: a body that would fail the evaluation is left out only where OPA's own index leaves it out. That looks at
// plain equality wherever it stands, once for a field; all others count only before the first expression that can fail.
func asksOf(body ast.Body) []ask {
	alias := map[ast.Var]ast.Ref{}
	for _, expr := range body {
		if a, b, ok := operands(expr, ast.Assign.Name); ok {
			if name, isVar := a.Value.(ast.Var); isVar {
				if ref, isField := field(b, alias); isField {
					alias[name] = ref
				}
			}
		}
	}
	var asks []ask
	failed := false
	add := func(ref ast.Ref, member bool, values []string) {
		name := ref.String()
		if member {
			name += "[_]"
		}
		taken := slices.ContainsFunc(asks, func(a ask) bool { return a.name == name })
		if !taken && len(values) > 0 && len(values) <= indexCopies {
			asks = append(asks, ask{name: name, ref: ref, member: member, values: values})
		}
	}
	for _, expr := range body {
		failed = failed || canFail(expr)
		for _, operator := range []string{ast.Equal.Name, ast.Equality.Name} {
			a, b, ok := operands(expr, operator)
			if !ok {
				continue
			}
			if _, isText := a.Value.(ast.String); isText {
				a, b = b, a
			}
			text, isText := b.Value.(ast.String)
			if !isText {
				continue
			}
			if ref, ok := field(a, nil); ok && (!failed || namedOnce(body, ref)) {
				add(ref, false, []string{string(text)})
			} else if failed {
				continue
			} else if ref, ok := field(a, alias); ok {
				add(ref, false, []string{string(text)})
			} else if ref, ok := elements(a); ok {
				add(ref, true, []string{string(text)})
			}
		}
		if a, b, ok := operands(expr, ast.Member.Name); ok && !failed {
			if ref, ok := field(a, alias); ok {
				add(ref, false, texts(b))
			} else if text, isText := a.Value.(ast.String); isText {
				if ref, ok := field(b, alias); ok {
					add(ref, true, []string{string(text)})
				}
			}
		}
	}
	return asks
}

// namedOnce says whether a body asks a field once: of several conditions OPA's index looks at one.
func namedOnce(body ast.Body, field ast.Ref) bool {
	times := 0
	ast.WalkRefs(body, func(ref ast.Ref) bool {
		if ref.HasPrefix(field) || field.HasPrefix(ref) && len(ref) > 1 {
			times++
		}
		return false
	})
	return times == 1
}

// harmless built-ins never fail.
var harmless = map[string]bool{
	ast.Assign.Name: true, ast.Equal.Name: true, ast.Equality.Name: true, ast.NotEqual.Name: true, ast.Member.Name: true,
	ast.LessThan.Name: true, ast.LessThanEq.Name: true, ast.GreaterThan.Name: true, ast.GreaterThanEq.Name: true,
}

// canFail says whether an expression could end the evaluation: a rule with two values, or a built-in where its errors
// aren't taken for undefined.
func canFail(expr *ast.Expr) bool {
	fails := false
	ast.WalkRefs(expr, func(ref ast.Ref) bool {
		fails = fails || ref[0].Equal(ast.DefaultRootDocument)
		if _, known := ast.BuiltinMap[ref.String()]; known {
			fails = fails || !harmless[ref.String()]
		}
		return false
	})
	return fails
}

func operands(expr *ast.Expr, operator string) (a, b *ast.Term, ok bool) {
	if expr.Negated || len(expr.With) > 0 || !expr.IsCall() || len(expr.Operands()) != 2 || expr.Operator().String() != operator {
		return nil, nil, false
	}
	return expr.Operand(0), expr.Operand(1), true
}

// field reads input.a.b, or a variable that holds it.
func field(term *ast.Term, alias map[ast.Var]ast.Ref) (ast.Ref, bool) {
	if name, ok := term.Value.(ast.Var); ok {
		ref, known := alias[name]
		return ref, known
	}
	ref, ok := term.Value.(ast.Ref)
	if !ok || len(ref) == 0 {
		return nil, false
	}
	if name, isVar := ref[0].Value.(ast.Var); isVar {
		if base, known := alias[name]; known {
			ref = base.Concat(ref[1:])
		}
	}
	if len(ref) < 2 || !ref[0].Equal(ast.InputRootDocument) {
		return nil, false
	}
	for _, term := range ref[1:] {
		if _, ok := term.Value.(ast.String); !ok {
			return nil, false
		}
	}
	return ref, true
}

// elements reads input.a.b[_].
func elements(term *ast.Term) (ast.Ref, bool) {
	ref, ok := term.Value.(ast.Ref)
	if !ok || len(ref) < 3 {
		return nil, false
	}
	if last, isVar := ref[len(ref)-1].Value.(ast.Var); !isVar || !last.IsWildcard() {
		return nil, false
	}
	return field(ast.NewTerm(ref[:len(ref)-1]), nil)
}

// texts gives the elements of a constant set or array; none where one isn't a string.
func texts(term *ast.Term) []string {
	var out []string
	all := true
	each := func(t *ast.Term) {
		text, ok := t.Value.(ast.String)
		all = all && ok
		out = append(out, string(text))
	}
	switch x := term.Value.(type) {
	case ast.Set:
		x.Foreach(each)
	case *ast.Array:
		x.Foreach(each)
	}
	if !all {
		return nil
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// choose picks the field whose lookup leaves the fewest bodies to try; false where none leaves a quarter less.
func choose(entries []entry, used []string) (ask, bool) {
	type tally struct {
		by      ask
		covered int
		sizes   map[string]int
	}
	tallies := map[string]*tally{}
	for _, e := range entries {
		for _, a := range e.asks {
			if slices.Contains(used, a.name) {
				continue
			}
			t := tallies[a.name]
			if t == nil {
				t = &tally{by: a, sizes: map[string]int{}}
				tallies[a.name] = t
			}
			t.covered++
			for _, value := range a.values {
				t.sizes[value]++
			}
		}
	}
	var best *tally
	least := 0.75 * float64(len(entries))
	// bodies left to try: those that don't ask, a lookup's own cost, and the group of a value
	cost := func(t *tally) float64 {
		squares, copies := 0.0, 0.0
		for _, size := range t.sizes {
			squares += float64(size * size)
			copies += float64(size)
		}
		if t.by.member {
			// an input holds a handful of values
			return float64(len(entries)-t.covered) + 5*(1+squares/copies)
		}
		return float64(len(entries)-t.covered) + 1 + squares/copies
	}
	names := make([]string, 0, len(tallies))
	for name := range tallies {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if c := cost(tallies[name]); c < least {
			best, least = tallies[name], c
		}
	}
	if best == nil {
		return ask{}, false
	}
	return best.by, true
}

type valueGroup struct {
	value   string
	entries []entry
}

// group gives the bodies by the values they ask the field for, sorted, and those that don't ask it, or would be copied
// more often than there are copies to spare.
func group(entries []entry, by ask, spare *int) (groups []valueGroup, left []entry) {
	byValue := map[string][]entry{}
	for _, e := range entries {
		at := slices.IndexFunc(e.asks, func(a ask) bool { return a.name == by.name })
		if at < 0 || len(e.asks[at].values)-1 > *spare {
			left = append(left, e)
			continue
		}
		*spare -= len(e.asks[at].values) - 1
		for _, value := range e.asks[at].values {
			byValue[value] = append(byValue[value], e)
		}
	}
	for value, list := range byValue {
		groups = append(groups, valueGroup{value, list})
	}
	slices.SortFunc(groups, func(a, b valueGroup) int { return cmp.Compare(a.value, b.value) })
	return groups, left
}
