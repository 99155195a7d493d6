package main

import (
	"math/big"
	"net"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown/builtins"
)

// Largest text of a result.
const resultBytes = 16 << 20

// Most elements of a list that a few bytes of arguments can ask for.
const mostElements = 1 << 20

// tooMuch tells beforehand what would only be ended by fuel or by memory. What it can't read is left to the built-in.
func tooMuch(name string, operands []*ast.Term) bool {
	switch name {
	case "numbers.range", "numbers.range_step":
		return rangeSize(operands) > mostElements
	case "net.cidr_expand":
		text, ok := operands[0].Value.(ast.String)
		if !ok {
			return false
		}
		_, network, err := net.ParseCIDR(string(text))
		if err != nil {
			return false
		}
		ones, bits := network.Mask.Size()
		return bits-ones > 20
	}
	return false
}

// rangeSize gives how many steps lie between the first two operands, mostElements+1 for more than that.
func rangeSize(operands []*ast.Term) int64 {
	var ends [3]*big.Int
	ends[2] = big.NewInt(1)
	for i, operand := range operands {
		number, ok := operand.Value.(ast.Number)
		if !ok {
			return 0
		}
		// an integer of a million digits (1e1000000) is no end that can be counted to
		if float, ok := number.Float64(); !ok || float > 1e300 || float < -1e300 {
			return mostElements + 1
		}
		integer, err := builtins.NumberToInt(number)
		if err != nil {
			return 0
		}
		ends[i] = integer
	}
	if ends[2].Sign() <= 0 {
		return 0
	}
	steps := new(big.Int).Sub(ends[1], ends[0])
	steps.Quo(steps.Abs(steps), ends[2])
	if !steps.IsInt64() {
		return mostElements + 1
	}
	return steps.Int64()
}
