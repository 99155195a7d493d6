package main

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/types"
)

// The built-ins that are served in the place of these, with a number before their operands that tells the host what to note. A
// policy can't call them: there are spaces in their names.
//
// Of a comparison, the number tells at which rates its left side may move against its right side: the bits of the slopes without
// the lowest, and `steppedBit`. Of the others, it is the part of the time that is used.
var observed = map[string]string{
	"lt": "countersign clock lt", "lte": "countersign clock lte",
	"gt": "countersign clock gt", "gte": "countersign clock gte",
	"time.clock": "countersign clock clock", "time.date": "countersign clock date",
	"time.weekday": "countersign clock weekday",
}

const steppedBit = 1 << 14

// parts of the time, by what changes them.
const (
	hourly = iota
	minutely
	secondly
	daily
)

func init() {
	for name, ours := range observed {
		theirs := ast.BuiltinMap[name].Decl
		operands := append([]types.Type{types.N}, theirs.FuncArgs().Args...)
		ast.RegisterBuiltin(&ast.Builtin{Name: ours, Decl: types.NewFunction(operands, theirs.Result())})
	}
}

// noted is what the host is to note of one call.
type noted struct {
	slopes  uint16
	stepped bool
	part    int
}

func (n noted) operand(name string) int {
	if ast.BuiltinMap[name].Decl.Arity() == 1 {
		return n.part
	}
	out := int(n.slopes >> 1)
	if n.stepped {
		out |= steppedBit
	}
	return out
}

// site is a call in a module as it was written. The compiled one is known by its operator's place, which no other call shares.
type site struct {
	name  string
	terms func() []*ast.Term
	put   func([]*ast.Term)
}

// markClockSites gives each call that may be rewritten a place of its own.
func markClockSites(files []bundle.ModuleFile) map[*ast.Location][]site {
	sites := map[*ast.Location][]site{}
	mark := func(one site) {
		terms := one.terms()
		operator, ok := terms[0].Value.(ast.Ref)
		if !ok || terms[0].Location == nil {
			return
		}
		if one.name = operator.String(); observed[one.name] == "" {
			return
		}
		at := terms[0].Location
		if _, own := sites[at]; !own {
			place := *at
			at = &place
			terms[0] = &ast.Term{Value: operator, Location: at}
		}
		sites[at] = append(sites[at], one)
	}
	for _, file := range files {
		ast.NewGenericVisitor(func(x any) bool {
			switch x := x.(type) {
			case *ast.Annotations:
				return true
			case *ast.Expr:
				if _, isCall := x.Terms.([]*ast.Term); isCall {
					mark(site{
						terms: func() []*ast.Term { return x.Terms.([]*ast.Term) },
						put:   func(terms []*ast.Term) { x.Terms = terms },
					})
				}
			case *ast.Term:
				if _, isCall := x.Value.(ast.Call); isCall {
					mark(site{
						terms: func() []*ast.Term { return x.Value.(ast.Call) },
						put:   func(terms []*ast.Term) { x.Value = ast.Call(terms) },
					})
				}
			}
			return false
		}).Walk(file.Parsed)
	}
	return sites
}

// rewrite makes the calls whose operands move with the clock those that the host notes.
func (c *clock) rewrite() {
	for at, what := range c.sites {
		for _, one := range c.written[at] {
			terms := one.terms()
			if operator, ok := terms[0].Value.(ast.Ref); !ok || operator.String() != one.name {
				continue
			}
			operator := &ast.Term{Value: ast.Ref{ast.VarTerm(observed[one.name]).SetLocation(at)}, Location: at}
			operand := ast.IntNumberTerm(what.operand(one.name)).SetLocation(at)
			one.put(slices.Concat([]*ast.Term{operator, operand}, terms[1:]))
		}
	}
}

func (w *clockWalk) note(at *ast.Location, what noted) {
	known, has := w.c.sites[at]
	if has {
		what.slopes |= known.slopes
		what.stepped = what.stepped || known.stepped
		what.part = max(what.part, known.part)
	}
	w.c.sites[at] = what
}

// compare notes a comparison: the host finds when the two sides meet.
func (w *clockWalk) compare(at *ast.Location, x, y, result flow) flow {
	if at == nil || x.pair || y.pair || !x.isFree() && !y.isFree() && (x.stepped || y.stepped) {
		return w.escape()
	}
	what := noted{stepped: x.stepped || y.stepped}
	for _, left := range x.rates() {
		for _, right := range y.rates() {
			if left.Sign() == 0 && right.Sign() == 0 {
				continue
			}
			slope := slopeOf(left.Sub(left, right))
			left.Add(left, right)
			// two clocks against each other: rounding alone would tell
			if slope <= still {
				return w.escape()
			}
			what.slopes |= slope
		}
	}
	w.note(at, what)
	return result
}

// calendar notes a look at the calendar or the time of day: the host finds when the part that is used changes.
func (w *clockWalk) calendar(name string, at *ast.Location, when flow, out *ast.Term) flow {
	if at == nil || when.stepped || when.slopes&^(still|up(0)) != 0 {
		return w.escape()
	}
	part := daily
	if name == "time.clock" {
		part = w.finestUsed(out)
	}
	w.note(at, noted{part: part})
	return flow{slopes: still, many: when.many}
}

// finestUsed gives the finest part of [hour, minute, second] that a rule uses.
func (w *clockWalk) finestUsed(out *ast.Term) int {
	if out == nil {
		return hourly
	}
	finest := hourly
	use := func(items *ast.Array) {
		for i := range items.Len() {
			if name, isVar := items.Elem(i).Value.(ast.Var); !isVar || w.uses[name] > 1 {
				finest = max(finest, i)
			}
		}
	}
	if items, isArray := out.Value.(*ast.Array); isArray {
		use(items)
		return min(finest, secondly)
	}
	name, isVar := out.Value.(ast.Var)
	if !isVar {
		return secondly
	}
	// it stands where it is bound, and where it is taken apart
	understood := 1
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Expr:
			terms, isCall := x.Terms.([]*ast.Term)
			if !isCall || len(terms) != 3 || !ast.Equality.Ref().Equal(terms[0].Value) {
				return false
			}
			for i, term := range terms[1:] {
				if items, isArray := terms[2-i].Value.(*ast.Array); isArray && term.Value.Compare(name) == 0 {
					use(items)
					understood++
				}
			}
		case ast.Ref:
			if x[0].Value.Compare(name) != 0 || len(x) < 2 {
				return false
			}
			if number, isNumber := x[1].Value.(ast.Number); isNumber {
				if i, ok := number.Int(); ok {
					finest = max(finest, i)
					understood++
				}
			}
		}
		return false
	}).Walk(w.rule)
	if understood != w.uses[name] {
		return secondly
	}
	return max(hourly, min(finest, secondly))
}
