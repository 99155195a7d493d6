package main

import (
	"maps"
	"math/big"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// An entrypoint that reads the clock may be kept for as long as what it reads of it stays the same. That is known where the clock
// goes nowhere but into comparisons with what doesn't depend on it, and into time.clock, time.date and time.weekday: the build
// gives each of these calls a further operand and another name (clock_sites.go), and the host, which serves them, notes at which
// instants the result would be another one.
//
// The clock may be added to, subtracted from, and divided into coarser units on its way, so that each of its values is
// `clock / unit + something`; what is done with it otherwise makes the entrypoint depend on the clock without a bound.
//
// INVARIANT: no value that depends on the clock gets into a result, a key, a reference, or any other built-in. What the rules do
// then depends on the clock by the noted calls alone, and is the same for as long as these give the same.

// units are what a clock's values may be counted in: ns, µs, ms, s, minutes, hours, days.
var units = []int64{1, 1e3, 1e6, 1e9, 60e9, 3600e9, 86400e9}

// flow tells how a value can depend on the clock.
type flow struct {
	// How it may move with the clock, a set: the lowest bit says not at all, the next ones by 1/units[i], the ones after these
	// by -1/units[i]. 0 where nothing is known yet.
	slopes uint16
	// the number that it always is; nil where that isn't known or not so
	number *big.Rat
	// a body may give it several values
	many bool
	// a number that the compiler doesn't know was added or subtracted
	shifted bool
	// it was rounded to whole units
	stepped bool
	// an array whose first item moves so, as in [ns, "Europe/Zurich"]
	pair bool
}

const still uint16 = 1

var unmoved = flow{slopes: still}

func (f flow) isFree() bool { return f.slopes <= still }

func up(unit int) uint16   { return 2 << unit }
func down(unit int) uint16 { return 2 << (unit + len(units)) }

// rates gives each rate at which the value may move, per nanosecond.
func (f flow) rates() []*big.Rat {
	var out []*big.Rat
	if f.slopes == 0 || f.slopes&still != 0 {
		out = append(out, new(big.Rat))
	}
	for i, unit := range units {
		if f.slopes&up(i) != 0 {
			out = append(out, big.NewRat(1, unit))
		}
		if f.slopes&down(i) != 0 {
			out = append(out, big.NewRat(-1, unit))
		}
	}
	return out
}

// slopeOf gives the bit of a rate; 0 where it is none of those that can be told.
func slopeOf(rate *big.Rat) uint16 {
	if rate.Sign() == 0 {
		return still
	}
	for i, unit := range units {
		switch {
		case rate.Cmp(big.NewRat(1, unit)) == 0:
			return up(i)
		case rate.Cmp(big.NewRat(-1, unit)) == 0:
			return down(i)
		}
	}
	return 0
}

// times gives the slopes of the product with a number; 0 where they can't be told.
func (f flow) times(factor *big.Rat) uint16 {
	var out uint16
	for _, rate := range f.rates() {
		slope := slopeOf(rate.Mul(rate, factor))
		if slope == 0 {
			return 0
		}
		out |= slope
	}
	return out
}

func join(a, b flow) flow {
	switch {
	case a.slopes == 0:
		return b
	case b.slopes == 0:
		return a
	}
	out := flow{
		slopes: a.slopes | b.slopes, many: a.many || b.many, shifted: a.shifted || b.shifted,
		stepped: a.stepped || b.stepped, pair: a.pair || b.pair,
	}
	if a.number != nil && b.number != nil && a.number.Cmp(b.number) == 0 {
		out.number = a.number
	}
	return out
}

func (f flow) equal(g flow) bool {
	same := f.number == g.number || f.number != nil && g.number != nil && f.number.Cmp(g.number) == 0
	f.number, g.number = nil, nil
	return same && f == g
}

// clock is what is found of a bundle's rules.
type clock struct {
	compiler *ast.Compiler
	reached  func(ast.Ref) []*ast.Rule
	// values of rules and functions, and of the functions' parameters
	values map[*ast.Rule]flow
	params map[*ast.Rule][]flow
	// rules with values that aren't free
	moving map[*ast.Rule]bool
	// rules in which the clock goes where it can't be bounded
	escapes map[*ast.Rule]bool
	// what is to be noted, and the calls as they were written, by the place of the operator
	sites   map[*ast.Location]noted
	written map[*ast.Location][]site
	changed bool
	// built-ins or functions are replaced somewhere
	mocked bool
	// rules' values are replaced somewhere
	overridden bool
}

// mostClockPasses is far more than a chain of rules needs; what isn't settled then has no bound.
const mostClockPasses = 100

func followClock(compiler *ast.Compiler, reached func(ast.Ref) []*ast.Rule, written map[*ast.Location][]site) *clock {
	c := &clock{
		compiler: compiler, reached: reached, written: written,
		values: map[*ast.Rule]flow{}, params: map[*ast.Rule][]flow{}, moving: map[*ast.Rule]bool{},
	}
	if !c.isRead() {
		return c
	}
	c.mocked = c.replaces()
	names := slices.Sorted(maps.Keys(compiler.Modules))
	for pass := 0; pass < mostClockPasses && !c.mocked; pass++ {
		c.changed, c.escapes, c.sites = false, map[*ast.Rule]bool{}, map[*ast.Location]noted{}
		for _, name := range names {
			for _, rule := range compiler.Modules[name].Rules {
				c.rule(rule)
			}
		}
		if !c.changed {
			return c
		}
	}
	c.mocked = true
	return c
}

// isRead says whether any rule names the clock.
func (c *clock) isRead() bool {
	found := false
	for _, module := range c.compiler.Modules {
		ast.WalkRefs(module, func(ref ast.Ref) bool {
			found = found || isClock(ref)
			return found
		})
	}
	return found
}

func isClock(ref ast.Ref) bool {
	return len(ref) == 2 && ref[0].Equal(ast.VarTerm("time")) && ref[1].Equal(ast.StringTerm("now_ns"))
}

// replaces says whether a `with` puts something in the place of a built-in or a function: a call then isn't what it says.
func (c *clock) replaces() bool {
	found := false
	for _, module := range c.compiler.Modules {
		ast.NewGenericVisitor(func(x any) bool {
			if with, ok := x.(*ast.With); ok {
				for _, term := range []*ast.Term{with.Target, with.Value} {
					ref, isRef := term.Value.(ast.Ref)
					found = found || isRef && (builtinOf(ref) != nil || c.isFunction(ref))
				}
				target, _ := with.Target.Value.(ast.Ref)
				c.overridden = c.overridden || len(target) == 0 || !target[0].Equal(ast.InputRootDocument)
			}
			return false
		}).Walk(module)
	}
	return found
}

func (c *clock) isFunction(ref ast.Ref) bool {
	if !ref[0].Equal(ast.DefaultRootDocument) {
		return false
	}
	for _, rule := range c.compiler.GetRules(ref.ConstantPrefix()) {
		if len(rule.Head.Args) > 0 {
			return true
		}
	}
	return false
}

// settle takes the clock off the built-ins that make what a reference leads to differ from one time to the next, where all use
// of it is bounded, and says whether it did.
func (c *clock) settle(ref ast.Ref, builtins map[string]bool) bool {
	if !builtins[clockName] || builtins[clockEscapes] || c.mocked || !c.isStill(ref) {
		delete(builtins, clockEscapes)
		return false
	}
	delete(builtins, clockName)
	return true
}

const clockName = "time.now_ns"

// clockEscapes stands among the names of built-ins for rules in which the clock has no bound.
const clockEscapes = "time.now_ns without a bound"

// isStill says whether no value that moves with the clock can be seen where a reference leads.
func (c *clock) isStill(ref ast.Ref) bool {
	if len(c.moving) == 0 {
		return true
	}
	for _, rule := range c.reached(ref) {
		if c.moving[rule] && len(rule.Head.Args) == 0 {
			return false
		}
	}
	return true
}

// rule follows the clock through one rule with all its branches.
func (c *clock) rule(rule *ast.Rule) {
	value := flow{}
	w := &clockWalk{c: c, rule: rule, vars: map[ast.Var]flow{}, uses: usesIn(rule)}
	branches := 0
	for branch := rule; branch != nil; branch = branch.Else {
		branches++
		clear(w.vars)
		for i, arg := range branch.Head.Args {
			w.param(arg, i)
		}
		w.body(branch.Body)
		for _, term := range branch.Head.Reference[1:] {
			w.mustBeFree(term)
		}
		if branch.Head.Key != nil {
			w.mustBeFree(branch.Head.Key)
		}
		if branch.Head.Value != nil {
			value = join(value, w.flowOf(branch.Head.Value))
		}
	}
	if rule.Head.RuleKind() == ast.MultiValue {
		value = unmoved
	}
	if !value.isFree() && (branches > 1 || value.many || !c.isAlone(rule)) {
		// several bodies' values are compared with each other
		c.escapes[rule] = true
		value = unmoved
	}
	// a rule has one value, and has another one only where the clock says so
	value.many = false
	if before := c.values[rule]; !before.equal(value) {
		c.values[rule] = value
		c.changed = true
	}
	if !value.isFree() && !c.moving[rule] {
		c.moving[rule] = true
		c.changed = true
	}
}

// isAlone says whether a rule is all there is at its path.
func (c *clock) isAlone(rule *ast.Rule) bool {
	ref := rule.Ref()
	if rule.Default || rule.Head.RuleKind() != ast.SingleValue || !ref.IsGround() {
		return false
	}
	node := c.compiler.RuleTree.Find(ref)
	return node != nil && len(node.Values) == 1 && len(node.Children) == 0
}

// give hands a flow to a function's parameter.
func (c *clock) give(rule *ast.Rule, n int, f flow) {
	known := c.params[rule]
	if len(known) <= n {
		known = append(known, make([]flow, n+1-len(known))...)
		c.params[rule] = known
	}
	f.many = false
	if both := join(known[n], f); !both.equal(known[n]) {
		known[n] = both
		c.changed = true
	}
}

// usesIn counts where each variable of a rule stands.
func usesIn(rule *ast.Rule) map[ast.Var]int {
	uses := map[ast.Var]int{}
	ast.NewGenericVisitor(func(x any) bool {
		if name, ok := x.(ast.Var); ok {
			uses[name]++
		}
		return false
	}).Walk(rule)
	return uses
}

// clockWalk goes through one rule's bodies in the order in which they are evaluated.
type clockWalk struct {
	c    *clock
	rule *ast.Rule
	// of the variables that have a value by now
	vars map[ast.Var]flow
	uses map[ast.Var]int
}

func (w *clockWalk) escape() flow {
	w.c.escapes[w.rule] = true
	return flow{slopes: still, many: true}
}

func (w *clockWalk) param(arg *ast.Term, n int) {
	given := flow{}
	if known := w.c.params[w.rule]; n < len(known) {
		given = known[n]
	}
	name, isVar := arg.Value.(ast.Var)
	if _, twice := w.vars[name]; isVar && !twice {
		w.vars[name] = given
		return
	}
	// a pattern compares
	if !given.isFree() {
		w.escape()
	}
	w.flowOf(arg)
}

// within runs a step whose variables aren't seen outside.
func (w *clockWalk) within(step func()) {
	outer := w.vars
	w.vars = maps.Clone(outer)
	step()
	w.vars = outer
}
