package main

import (
	"math"
	"math/big"

	"github.com/open-policy-agent/opa/v1/ast"
)

// result follows the clock through a built-in.
func (w *clockWalk) result(name string, at *ast.Location, flows []flow, out *ast.Term) flow {
	all := joinMany(flows...)
	moves, known := false, true
	for _, f := range flows {
		moves = moves || !f.isFree()
		known = known && f.slopes != 0
	}
	if name == clockName {
		return flow{slopes: up(0)}
	}
	if !known {
		// a later pass knows more, unless nobody calls the function
		w.escape()
		return flow{}
	}
	if !moves {
		all.number = folded(name, flows, all)
		return all
	}
	switch name {
	case ast.LessThan.Name, ast.LessThanEq.Name, ast.GreaterThan.Name, ast.GreaterThanEq.Name:
		return w.compare(at, flows[0], flows[1], all)
	case "time.clock", "time.date", "time.weekday":
		return w.calendar(name, at, flows[0], out)
	}
	for _, f := range flows {
		if f.pair {
			return w.escape()
		}
	}
	switch name {
	case ast.Plus.Name, ast.Minus.Name:
		return w.shift(flows[0], flows[1], name == ast.Minus.Name)
	case ast.Multiply.Name:
		if flows[0].isFree() {
			return w.scale(flows[1], flows[0], false)
		}
		return w.scale(flows[0], flows[1], false)
	case ast.Divide.Name:
		return w.scale(flows[0], flows[1], true)
	case ast.Floor.Name, ast.Ceil.Name, ast.Round.Name:
		if flows[0].stepped {
			return w.escape()
		}
		flows[0].stepped = true
		return flows[0]
	}
	return w.escape()
}

// shift adds a number that doesn't depend on the clock, or subtracts one of the two.
func (w *clockWalk) shift(a, b flow, subtract bool) flow {
	moving, by := a, b
	if a.isFree() {
		moving, by = b, a
	}
	if !by.isFree() {
		return w.escape()
	}
	if subtract && a.isFree() {
		moving.slopes = moving.times(big.NewRat(-1, 1))
	}
	moving.many = a.many || b.many
	if by.number != nil && moving.isNear(by.number) {
		return moving
	}
	// OPA rounds what has a fraction to 64 bits: where that was much larger in between, the last result doesn't tell
	if moving.shifted {
		return w.escape()
	}
	moving.shifted = true
	return moving
}

// isNear says whether a number is in the range of what the clock can say in these units.
func (f flow) isNear(number *big.Rat) bool {
	for i, unit := range units {
		if f.slopes&(up(i)|down(i)) == 0 {
			continue
		}
		in := new(big.Rat).Mul(number, big.NewRat(unit, 1))
		if in.Abs(in).Cmp(new(big.Rat).SetInt64(math.MaxInt64)) > 0 {
			return false
		}
	}
	return true
}

// scale counts in other units.
func (w *clockWalk) scale(moving, by flow, divide bool) flow {
	if moving.stepped || by.number == nil || by.number.Sign() == 0 {
		return w.escape()
	}
	factor := by.number
	if divide {
		factor = new(big.Rat).Inv(factor)
	}
	if moving.slopes = moving.times(factor); moving.slopes == 0 {
		return w.escape()
	}
	return moving
}

// folded computes what the compiler can know; nil for the rest.
func folded(name string, flows []flow, all flow) *big.Rat {
	if all.many || len(flows) != 2 || flows[0].number == nil || flows[1].number == nil {
		return nil
	}
	out := new(big.Rat)
	x, y := flows[0].number, flows[1].number
	switch name {
	case ast.Plus.Name:
		out.Add(x, y)
	case ast.Minus.Name:
		out.Sub(x, y)
	case ast.Multiply.Name:
		out.Mul(x, y)
	case ast.Divide.Name:
		if y.Sign() == 0 {
			return nil
		}
		out.Quo(x, y)
	default:
		return nil
	}
	// numbers that grow without end would cost time
	if out.Num().BitLen() > 256 || out.Denom().BitLen() > 256 {
		return nil
	}
	return out
}
