package main

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// equality is a condition on the input: at a path stands a text, a whole number, a truth value or null.
type equality struct {
	Path   []string        `json:"path"`
	Equals json.RawMessage `json:"equals"`
}

func (e equality) id() string { return keyOf(e.Path) + "=" + string(e.Equals) }

// when is some equalities that all hold: their numbers, ascending, then zeros. None is always.
type when [mostEqualities]uint32

const (
	// beyond it those that fewer bodies ask are left out: what is read is then said to be read more often than it is
	mostEqualities = 4
	// ways to one place of a body
	mostWays = 8
	// ways to one path
	mostAlternatives = 64
	// ways to all paths of what is handed on, beside one for each: rules that call rules would hand on ever more
	mostWaysInAll = 512
)

var always = when{}

// and gives what holds where both do.
func (a when) and(b when) when {
	if a == always || a == b {
		return b
	}
	var out when
	i, j := 0, 0
	next := func(from when, at int) uint32 {
		if at < len(from) {
			return from[at]
		}
		return 0
	}
	for n := range out {
		x, y := next(a, i), next(b, j)
		switch {
		case x == 0 && y == 0:
			return out
		case y == 0 || x != 0 && x < y:
			out[n] = x
			i++
		case x == 0 || y < x:
			out[n] = y
			j++
		default:
			out[n] = x
			i++
			j++
		}
	}
	return out
}

// within says whether all of its equalities are among another's: it holds wherever that does.
func (a when) within(b when) bool {
	for _, x := range a {
		if x != 0 && !slices.Contains(b[:], x) {
			return false
		}
	}
	return true
}

// only keeps the equalities of a kind, at most so many.
func (a when) only(keep func(uint32) bool, most int) when {
	var out when
	n := 0
	for _, x := range a {
		if x != 0 && n < most && keep(x) {
			out[n] = x
			n++
		}
	}
	return out
}

// guarded is a path, and when it is read: under any of these.
type guarded struct {
	path []string
	when map[when]struct{}
}

func (g *guarded) add(at when) {
	if _, has := g.when[always]; has {
		return
	}
	if at == always {
		clear(g.when)
	}
	g.when[at] = struct{}{}
}

// all gives the ways, and forgets them.
func (g *guarded) all() []when {
	ways := slices.Collect(maps.Keys(g.when))
	clear(g.when)
	return ways
}

// cut keeps so many equalities of each way.
func (g *guarded) cut(most int) {
	for _, way := range g.all() {
		g.add(way.only(func(uint32) bool { return true }, most))
	}
}

// reduce drops what another way holds already. It gives the same whatever the order.
func (g *guarded) reduce() {
	if len(g.when) > mostAlternatives {
		g.cut(1)
	}
	if len(g.when) > mostAlternatives {
		g.add(always)
	}
	for way := range g.when {
		for other := range g.when {
			if other != way && other.within(way) {
				delete(g.when, way)
				break
			}
		}
	}
}

func (f *found) read(key string, path []string, at when) { note(f.input, key, path, at) }

func note(reads map[string]*guarded, key string, path []string, at when) {
	known := reads[key]
	if known == nil {
		known = &guarded{path: path, when: map[when]struct{}{}}
		reads[key] = known
	}
	known.add(at)
}

func (f *found) paths() map[string][]string {
	out := make(map[string][]string, len(f.input))
	for key, read := range f.input {
		out[key] = read.path
	}
	return out
}

// reduceGuarded drops each way to a path where a path that holds it is read.
func reduceGuarded(reads map[string]*guarded) {
	for most := range 2 {
		ways := 0
		for _, read := range reads {
			ways += len(read.when)
		}
		if ways <= mostWaysInAll+len(reads) {
			break
		}
		// one equality of each way, then none
		for _, read := range reads {
			read.cut(1 - most)
		}
	}
	for _, read := range reads {
		read.reduce()
	}
	for key, read := range reads {
		for n := range read.path {
			above, has := reads[keyOf(read.path[:n])]
			if !has {
				continue
			}
			for way := range read.when {
				for other := range above.when {
					if other.within(way) {
						delete(read.when, way)
						break
					}
				}
			}
		}
		if len(read.when) == 0 {
			delete(reads, key)
		}
	}
}

// guards numbers the equalities that bodies ask, from 1; those come first whose path most bodies ask.
type guards struct {
	list    []equality
	numbers map[string]uint32
}

func (a *analysis) countGuards() *guards {
	known := map[string]equality{}
	bodies := map[string]int{}
	w := &walker{a: a, into: newFound()}
	w.count = func(asked []equality) {
		for _, e := range asked {
			known[e.id()] = e
		}
		bodies[keyOf(asked[0].Path)]++
	}
	for _, module := range a.compiler.Modules {
		for _, rule := range module.Rules {
			w.rule(rule)
		}
	}
	g := &guards{numbers: map[string]uint32{}, list: slices.Collect(maps.Values(known))}
	slices.SortFunc(g.list, func(x, y equality) int {
		return cmp.Or(
			cmp.Compare(bodies[keyOf(y.Path)], bodies[keyOf(x.Path)]),
			slices.Compare(x.Path, y.Path), cmp.Compare(string(x.Equals), string(y.Equals)),
		)
	})
	for i, e := range g.list {
		g.numbers[e.id()] = uint32(i + 1)
	}
	return g
}

func (g *guards) either(asked []equality) []when {
	var out []when
	for _, e := range asked {
		out = append(out, when{g.numbers[e.id()]})
	}
	return out
}

// under adds a condition, of which one alternative holds; where there were too many ways it stays as it is, which is
// said to be read more often than it is.
func (s standing) under(either []when) standing {
	if len(s.when)*len(either) > mostWays {
		return s
	}
	all := map[when]struct{}{}
	for _, a := range s.when {
		for _, b := range either {
			all[a.and(b)] = struct{}{}
		}
	}
	return standing{when: slices.Collect(maps.Keys(all)), places: s.places}
}

// asks gives what holds of the input once an expression has held: one of these. Empty: nothing that is known here.
func (s standing) asks(expr *ast.Expr) []equality {
	if a, b, ok := equated(expr); ok {
		for _, pair := range [][2]*ast.Term{{a, b}, {b, a}} {
			if asked := s.isOneOf(pair[0], []*ast.Term{pair[1]}); len(asked) > 0 {
				return asked
			}
		}
	}
	if a, b, ok := operands(expr, ast.Member.Name); ok {
		var members []*ast.Term
		switch x := b.Value.(type) {
		case ast.Set:
			members = x.Slice()
		case *ast.Array:
			x.Foreach(func(t *ast.Term) { members = append(members, t) })
		}
		return s.isOneOf(a, members)
	}
	return nil
}

func (s standing) isOneOf(term *ast.Term, values []*ast.Term) []equality {
	at, ok := s.placeOf(term)
	if !ok || at.argument >= 0 || len(at.path) == 0 || len(values) > mostWays || slices.ContainsFunc(at.path, isOdd) {
		return nil
	}
	var out []equality
	for _, value := range values {
		text, ok := constant(value)
		if !ok {
			return nil
		}
		out = append(out, equality{Path: at.path, Equals: text})
	}
	return out
}

// constant gives the JSON of a value that hosts compare as OPA does.
func constant(term *ast.Term) (json.RawMessage, bool) {
	switch x := term.Value.(type) {
	case ast.String:
		return marshal(string(x)), !isOdd(string(x))
	case ast.Boolean:
		return marshal(bool(x)), true
	case ast.Null:
		return json.RawMessage("null"), true
	case ast.Number:
		whole, ok := x.Int64()
		const exact = 1 << 53
		return json.RawMessage(strconv.FormatInt(whole, 10)), ok && -exact < whole && whole < exact
	}
	return nil, false
}

// isOdd says whether another text may look like this one: what is no Unicode turns to U+FFFD on its way.
func isOdd(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool {
		return r == unicode.ReplacementChar || unicode.IsControl(r)
	})
}
