package main

import (
	"slices"
	"strconv"

	"github.com/open-policy-agent/opa/v1/ast"
)

// byKey is a table of base documents of which only what lies under one key is read, and where in the input the key stands.
type byKey struct {
	Table []string `json:"table"`
	By    []string `json:"by"`
	// nothing else is asked of what stands at By: what it leads to is all that counts
	Alone bool `json:"alone,omitempty"`
	// the argument of the function which holds the key; -1: the input does
	argument int
	// the key isn't known: the table is read whole
	whole bool
}

// most lookups of an entrypoint: each costs a step whenever a key is made
const mostLookups = 16

// lookedUp reads data.users[input.subject.id], also where a name or an argument stands for the path of the input.
// INVARIANT: no rule lies in the table or above it, so that nothing but base documents can be there.
func (a *analysis) lookedUp(ref ast.Ref, s standing) (byKey, bool) {
	table := prefixIn(ref)
	if len(table) == 0 || len(table) == len(ref)-1 || !a.isBase(ref[:len(table)+1]) {
		return byKey{}, false
	}
	at, ok := s.placeOf(ref[len(table)+1])
	if !ok || at.argument < 0 && len(at.path) == 0 {
		return byKey{}, false
	}
	return byKey{Table: table, By: at.path, argument: at.argument}, true
}

// isBase says whether no rule stands at a reference, above or below it.
func (a *analysis) isBase(ref ast.Ref) bool {
	node := a.compiler.RuleTree
	for _, term := range ref {
		if node = node.Child(term.Value); node == nil {
			return len(a.reached(ref)) == 0
		}
		if len(node.Values) > 0 {
			return false
		}
	}
	return false
}

// given puts what the caller gives where the function has an argument.
func (k byKey) given(s standing, args []*ast.Term) byKey {
	if k.whole || k.argument < 0 {
		return k
	}
	if k.argument < len(args) {
		if at, ok := s.placeOf(args[k.argument]); ok {
			at = at.below(k.By)
			if at.argument >= 0 || len(at.path) > 0 {
				return byKey{Table: k.Table, By: at.path, argument: at.argument}
			}
		}
	}
	return byKey{Table: k.Table, whole: true}
}

func (f *found) look(k byKey) {
	if k.whole {
		f.data[keyOf(k.Table)] = k.Table
		return
	}
	key := keyOf(k.Table) + "[" + strconv.Itoa(k.argument) + "]" + keyOf(k.By)
	f.keyed[key] = k
}

// join adds what stands beside: both have the same arguments.
func (f *found) join(other *found) {
	for key, read := range other.input {
		for when := range read.when {
			f.read(key, read.path, when)
		}
	}
	for key, lead := range other.leads {
		for when := range lead.when {
			note(f.leads, key, lead.path, when)
		}
	}
	for _, looked := range other.keyed {
		f.look(looked)
	}
	f.arity = other.arity
	for i := range other.asked {
		f.asked[i] = f.asked[i] || other.asked[i]
	}
	for key, path := range other.data {
		f.data[key] = path
	}
	for name := range other.builtins {
		f.builtins[name] = true
	}
	f.replaced = f.replaced || other.replaced
}

// lookups gives the tables that are read only by keys out of the input, sorted; the others it adds to what is read whole.
func (f *found) lookups() []byKey {
	var out []byKey
	for _, k := range f.keyed {
		out = append(out, k)
	}
	for again := true; again; {
		var kept []byKey
		for _, k := range out {
			if f.replaced || k.argument >= 0 || len(out) > mostLookups || f.readsAround(k.Table) || slices.ContainsFunc(out, k.nested) {
				f.data[keyOf(k.Table)] = k.Table
			} else {
				kept = append(kept, k)
			}
		}
		again = len(kept) < len(out)
		out = kept
	}
	f.settleLeads(out)
	for i, k := range out {
		_, out[i].Alone = f.leads[keyOf(k.By)]
	}
	slices.SortFunc(out, func(a, b byKey) int {
		if c := slices.Compare(a.Table, b.Table); c != 0 {
			return c
		}
		return slices.Compare(a.By, b.By)
	})
	return out
}

// readsAround says whether a table, a part of it or what it lies in is read in another way.
func (f *found) readsAround(table []string) bool {
	for _, path := range f.data {
		if overlap(path, table) {
			return true
		}
	}
	return false
}

// settleLeads leaves those of the paths that only lead to what is looked up of which that is true for the whole entrypoint:
// all that they lead to is looked up, and none overlaps with what is read. The others are read like any.
func (f *found) settleLeads(lookups []byKey) {
	met, unmet := map[string]bool{}, map[string]bool{}
	for _, k := range lookups {
		met[keyOf(k.By)] = true
	}
	for _, k := range f.keyed {
		if k.argument < 0 && !slices.ContainsFunc(lookups, func(o byKey) bool { return slices.Equal(o.Table, k.Table) && slices.Equal(o.By, k.By) }) {
			unmet[keyOf(k.By)] = true
		}
	}
	for again := true; again; {
		again = false
		for key, lead := range f.leads {
			if f.replaced || unmet[key] || !met[key] || overlaps(f.input, lead.path, "") || overlaps(f.leads, lead.path, key) {
				delete(f.leads, key)
				for when := range lead.when {
					f.read(key, lead.path, when)
				}
				again = true
			}
		}
	}
}

// overlaps says whether one of the paths but that of a key holds a path, or lies in it.
func overlaps(reads map[string]*guarded, path []string, but string) bool {
	for key, read := range reads {
		if key != but && overlap(read.path, path) {
			return true
		}
	}
	return false
}

// withKeys adds the paths that only lead to what is looked up.
func withKeys(input [][]string, lookups []byKey) [][]string {
	for _, k := range lookups {
		if k.Alone && !slices.ContainsFunc(input, func(path []string) bool { return slices.Equal(path, k.By) }) {
			input = append(input, k.By)
		}
	}
	slices.SortFunc(input, slices.Compare)
	return input
}

// variablesOf counts the variables of a rule, without its bodies of `else`.
func variablesOf(rule *ast.Rule) map[ast.Var]int {
	out := map[ast.Var]int{}
	count := func(x any) bool {
		if name, ok := x.(ast.Var); ok {
			out[name]++
		}
		return false
	}
	ast.NewGenericVisitor(count).Walk(rule.Head)
	ast.NewGenericVisitor(count).Walk(rule.Head.Reference)
	ast.NewGenericVisitor(count).Walk(rule.Body)
	return out
}

// directName reads `x := input.a.b`.
func directName(expr *ast.Expr) (ast.Var, []string, bool) {
	a, b, ok := equated(expr)
	if !ok {
		return "", nil, false
	}
	if _, isVar := a.Value.(ast.Var); !isVar {
		a, b = b, a
	}
	name, isVar := a.Value.(ast.Var)
	ref, isRef := b.Value.(ast.Ref)
	if !isVar || !isRef || a.Equal(ast.InputRootDocument) || a.Equal(ast.DefaultRootDocument) {
		return "", nil, false
	}
	return name, prefixIn(ref), len(ref) > 1 && ref[0].Equal(ast.InputRootDocument) && len(prefixIn(ref)) == len(ref)-1
}

// onlyLeads says whether a variable stands nowhere else in its rule than as the key of tables, in what comes after it got its
// value; or is given to functions that do no more with it. INVARIANT: what the evaluator does then depends on whether there is
// a value, and on what lies under it.
func (w *walker) onlyLeads(name ast.Var, rest ast.Body) bool {
	uses := 0
	ast.WalkRefs(rest, func(ref ast.Ref) bool {
		if !ref[0].Equal(ast.DefaultRootDocument) {
			return false
		}
		table := prefixIn(ref)
		if len(table) > 0 && len(table) < len(ref)-1 && ref[len(table)+1].Value.Compare(name) == 0 && w.a.isBase(ref[:len(table)+1]) {
			uses++
		}
		return false
	})
	ast.WalkExprs(rest, func(expr *ast.Expr) bool {
		terms, isCall := expr.Terms.([]*ast.Term)
		if !isCall {
			return false
		}
		ref, isRef := terms[0].Value.(ast.Ref)
		if !isRef || !ref[0].Equal(ast.DefaultRootDocument) {
			return false
		}
		for i, term := range terms[1:] {
			if term.Value.Compare(name) == 0 {
				if called := w.a.behind(ref); i < called.arity && !called.asked[i] {
					uses++
				}
			}
		}
		return false
	})
	return uses > 0 && uses == w.variables[name]-1
}

// nested says whether one of two tables lies in the other.
func (k byKey) nested(other byKey) bool {
	return len(other.Table) != len(k.Table) && overlap(other.Table, k.Table)
}

// overlap says whether one path holds the other.
func overlap(a, b []string) bool {
	n := min(len(a), len(b))
	return slices.Equal(a[:n], b[:n])
}
