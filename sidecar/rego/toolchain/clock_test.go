package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

// clockIn gives what is found of data.p.r: whether the clock is bounded, and the calls that are noted.
func clockIn(t *testing.T, text string, more ...string) (bool, string) {
	t.Helper()
	files := map[string]string{"p.rego": "package p\n\n" + text}
	for i := 0; i+1 < len(more); i += 2 {
		files[more[i]] = more[i+1]
	}
	source, faults := (&request{Files: files}).read(false)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	a, faults := analyse(source.Modules, source.Data)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	found := a.readsOf("p/r")
	if found.Clock == "bounded" && slices.Contains(found.Nondeterministic, clockName) {
		t.Fatal("bounded and not deterministic")
	}
	if slices.Contains(found.Nondeterministic, clockEscapes) {
		t.Fatal("a name that is no built-in's")
	}
	a.clock.rewrite()
	var calls []string
	for _, path := range slices.Sorted(maps.Keys(files)) {
		for _, file := range source.Modules {
			if clean(file.Path) == path {
				calls = append(calls, notedIn(file.Parsed)...)
			}
		}
	}
	slices.Sort(calls)
	return found.Clock == "bounded", strings.Join(calls, "; ")
}

func notedIn(module *ast.Module) []string {
	var calls []string
	note := func(terms []*ast.Term) {
		if name, ours := strings.CutPrefix(terms[0].String(), "countersign clock "); ours {
			calls = append(calls, name+" "+terms[1].String())
		}
	}
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Expr:
			if terms, ok := x.Terms.([]*ast.Term); ok {
				note(terms)
			}
		case ast.Call:
			note(x)
		}
		return false
	}).Walk(module)
	return calls
}

func TestClockIsBounded(t *testing.T) {
	cases := []struct{ name, text, calls string }{
		{"compared with a constant", `r if time.now_ns() < 5`, "lt 1"},
		{"compared with the input", `r if input.until * 1000000000 > time.now_ns()`, "gt 128"},
		{"at least, at most", "r if { time.now_ns() >= input.from; time.now_ns() <= input.to }", "gte 1; lte 1"},
		{"a local name", "r if { now := time.now_ns(); now < input.exp }", "lt 1"},
		{"a rule for it", "now := time.now_ns()\nr if now < input.exp", "lt 1"},
		{"in seconds", "r if time.now_ns() / 1000000000 < input.exp", "lt 8"},
		{"in seconds, by a rule", "second := 1000 * 1000000\nnow := time.now_ns() / second\nr if { n := now; n < input.exp }", "lt 8"},
		{"in milliseconds, microseconds", "r if { time.now_ns() / 1000000 < input.a; time.now_ns() / 1e3 < input.b }", "lt 2; lt 4"},
		{"in minutes, hours, days", "r if { time.now_ns() / 60000000000 < input.a; time.now_ns() / 3.6e12 < input.b; time.now_ns() / 86400e9 < input.c }", "lt 16; lt 32; lt 64"},
		{"times a small number", "r if time.now_ns() * 1e-9 < input.exp", "lt 8"},
		{"whole seconds", "r if floor(time.now_ns() / 1000000000) < input.exp", "lt 16392"},
		{"rounded seconds", "r if { ceil(time.now_ns() / 1e9) < input.exp; round(time.now_ns() / 1e9) < input.exp }", "lt 16392; lt 16392"},
		{"an age", "r if time.now_ns() - input.iat < input.ttl", "lt 1"},
		{"an age in whole seconds", "r if floor(time.now_ns() / 1000000000) - input.iat < 3600", "lt 16392"},
		{"what is left", "r if input.exp - time.now_ns() > input.least", "gt 128"},
		{"an age by a rule", "age := time.now_ns() - input.iat\nr if age < 5", "lt 1"},
		{"some leeway", "r if time.now_ns() + 5000000000 - input.exp < 0", "lt 1"},
		{"not yet", "r if not time.now_ns() < input.nbf", "lt 1"},
		{"an answer that is looked at later", "r if { early := time.now_ns() < input.nbf; early == false }", "lt 1"},
		{"as a value", `r := {"early": time.now_ns() < input.nbf}`, "lt 1"},
		{"in a set", `r := {time.now_ns() < input.nbf, 5}`, "lt 1"},
		{"in a comprehension", "r := [x | some x in input.list; time.now_ns() < x]", "lt 1"},
		{"in every", "r if every x in input.list { time.now_ns() < x }", "lt 1"},
		{"in every, by a name", "r if { now := time.now_ns(); every x in input.list { now < x.exp } }", "lt 1"},
		{"in a branch", "r := 1 if { time.now_ns() < input.a } else := 2 if { time.now_ns() > input.b } else := 3", "gt 1; lt 1"},
		{"two bodies", "r if time.now_ns() < input.a\nr if input.b", "lt 1"},
		{"beside a default", "default r := false\nr if time.now_ns() < input.a", "lt 1"},
		{"a partial set", "r contains x if { some x in input.list; time.now_ns() < x }", "lt 1"},
		{"a function", "late(x) if time.now_ns() > x\nr if late(input.exp)", "gt 1"},
		{"given to a function", "before(a, b) if a < b\nr if before(time.now_ns(), input.exp)", "lt 1"},
		{"within", "within(now, from, to) if { from <= now; now < to }\nr if within(time.now_ns(), input.nbf, input.exp)", "lt 1; lte 128"},
		{"a function that gives it", "seconds(ns) := ns / 1000000000\nr if seconds(time.now_ns()) < input.exp", "lt 8"},
		{"the same function for what doesn't move", "seconds(ns) := ns / 1000000000\nr if { seconds(time.now_ns()) < input.exp; seconds(input.x) < 5 }", "lt 8; lt 8"},
		{"a date of the input's", `r if time.now_ns() < time.parse_rfc3339_ns(input.until)`, "lt 1"},
		{"a duration", `r if time.now_ns() - input.at < time.parse_duration_ns("90m")`, "lt 1"},
		{"in two units", "r if { a := time.now_ns(); b := time.now_ns() / 1000000000; a < input.x; b < input.y }", "lt 1; lt 8"},
		{"the hour", "r if { [h, _, _] := time.clock(time.now_ns()); h < 18 }", "clock 0"},
		{"the hour, with names for the rest", "r if { [h, m, s] := time.clock(time.now_ns()); h < 18 }", "clock 0"},
		{"the hour in a zone", `r if { [h, _, _] := time.clock([time.now_ns(), "Europe/Zurich"]); h < 18 }`, "clock 0"},
		{"the hour in the input's zone", `r if { [h, _, _] := time.clock([time.now_ns(), input.tz]); h < 18 }`, "clock 0"},
		{"the hour by its place", "r if time.clock(time.now_ns())[0] < 18", "clock 0"},
		{"the minute", "r if { [h, m, _] := time.clock(time.now_ns()); h * 60 + m < 1110 }", "clock 1"},
		{"the second", "r if { [_, _, s] := time.clock(time.now_ns()); s < 30 }", "clock 2"},
		{"the second as a constant", "r if [_, _, 5] = time.clock(time.now_ns())", "clock 2"},
		{"all of it", "r := time.clock(time.now_ns())", "clock 2"},
		{"the clock by a rule", "parts := time.clock(time.now_ns())\nr if parts[0] < 18", "clock 2"},
		{"the day of the week", `r if time.weekday(time.now_ns()) in {"Monday", "Tuesday"}`, "weekday 3"},
		{"the date", "r := time.date(time.now_ns())", "date 3"},
		{"the date, later", "r := time.date(time.now_ns() + 3600000000000)", "date 3"},
		{"a pair by a name", `here := [time.now_ns(), "Europe/Zurich"]
r if { [h, _, _] := time.clock(here); h >= 8; time.weekday(here) != "Sunday" }`, "clock 0; weekday 3"},
		{"under another input", `late if time.now_ns() > input.exp
r if late with input as {"exp": 5}`, "gt 1"},
		{"under another clock", "now := time.now_ns()\nlate if now > 5\nr if late with data.p.now as input.x", "gt 1"},
		{"printed", "r if { now := time.now_ns(); print(now); now < 5 }", "lt 1"},
		{"calls written out", "r if { lt(time.now_ns(), input.x) }", "lt 1"},
		{"calls with their result", "r if { lt(time.now_ns(), input.x, y); y == false }", "lt 1"},
		{"unused", "r if { time.now_ns(); input.x }", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if isBounded, calls := clockIn(t, c.text); !isBounded || calls != c.calls {
				t.Errorf("got %t, %s", isBounded, calls)
			}
		})
	}
	t.Run("in a package of its own", func(t *testing.T) {
		isBounded, calls := clockIn(t, "import data.lib.times\nr if times.seconds < input.exp",
			"lib.rego", "package lib.times\n\nns := time.now_ns()\n\nseconds := ns / 1000000000")
		if !isBounded || calls != "lt 8" {
			t.Errorf("got %t, %s", isBounded, calls)
		}
	})
}

func TestClockIsNotBounded(t *testing.T) {
	cases := []struct{ name, text string }{
		{"the instant itself", `r := time.now_ns()`},
		{"in an object", `r := {"at": time.now_ns()}`},
		{"in an array", `r := [time.now_ns()]`},
		{"in an array that is compared", `r if [time.now_ns()] < input.x`},
		{"in a set", `r contains time.now_ns()`},
		{"as a key", `r[time.now_ns()] := 1`},
		{"as a part of a name", "r if { q := time.now_ns(); input.x[q] }"},
		{"as a member", `r if time.now_ns() in input.x`},
		{"equal", `r if time.now_ns() == input.x`},
		{"unified", `r if time.now_ns() = input.x`},
		{"unified with a name that has a value", "r if { x := input.x; y = time.now_ns(); y = x }"},
		{"given to a name that has a value", "r if { x = input.x; time.now_ns(x) }"},
		{"unequal", `r if time.now_ns() != input.x`},
		{"a constant", `r if 5 = time.now_ns()`},
		{"the remainder", `r if time.now_ns() % 1000 < 5`},
		{"the reciprocal", `r if 1 / time.now_ns() < input.x`},
		{"squared", `r if time.now_ns() * time.now_ns() < input.x`},
		{"an odd unit", `r if time.now_ns() / 7 < input.x`},
		{"the input's unit", `r if time.now_ns() / input.unit < input.x`},
		{"times nothing", `r if time.now_ns() * 0 < input.x`},
		{"the difference of clocks", `r if time.now_ns() - time.now_ns() < input.x`},
		{"clocks against each other", `r if time.now_ns() < time.now_ns() + input.x`},
		{"clocks in units against each other", `r if time.now_ns() / 1000 < time.now_ns() + input.x`},
		{"given to a function in both places", "before(a, b) if a < b\nr if { before(time.now_ns(), input.exp); before(input.nbf, time.now_ns()) }"},
		{"whole seconds in other units", `r if floor(time.now_ns() / 1e9) * 1e9 < input.x`},
		{"whole seconds twice", `r if floor(floor(time.now_ns() / 1e9) + 0.5) < input.x`},
		{"moved twice by what isn't known", `r if time.now_ns() - input.a - input.b < 5`},
		{"moved by what is huge, and by what isn't known", `r if time.now_ns() + 1e30 - input.b < 5`},
		{"as text", `r if sprintf("%d", [time.now_ns()]) == input.x`},
		{"the largest", `r if max([time.now_ns(), input.x]) > 5`},
		{"the size", `r if abs(time.now_ns() - input.x) < 5`},
		{"another date", `r if time.add_date(time.now_ns(), 0, 0, 1) < input.x`},
		{"the difference of dates", `r if time.diff(time.now_ns(), input.x)[0] > 18`},
		{"its text", `r := time.format(time.now_ns())`},
		{"the date in other units", `r := time.date(time.now_ns() / 1000)`},
		{"the date of whole units", `r := time.date(floor(time.now_ns()))`},
		{"the date of the other direction", `r := time.date(0 - time.now_ns())`},
		{"a pair as a result", `r := [time.now_ns(), "UTC"]`},
		{"a pair of it", `r := time.clock([time.now_ns(), sprintf("%d", [time.now_ns()])])`},
		{"another's function", "f(x) := x\nr := f(time.now_ns())"},
		{"a pattern of a function", "f(5) if true\nr if f(time.now_ns())"},
		{"an array's pattern", "f([a, b]) if a < b\nr if f([time.now_ns(), 5])"},
		{"two bodies of a rule", "now := time.now_ns()\nnow := time.now_ns() + 1\nr if now < 5"},
		{"a branch of a rule", "now := time.now_ns() if { input.x } else := 5\nr if now < 5"},
		{"a default of a rule", "default now := 5\nnow := time.now_ns() if input.x\nr if now < 5"},
		{"many values of a rule", "age := time.now_ns() - input.list[_]\nr if age < 5"},
		{"many values, by a name", "age := a if { some x in input.list; a := time.now_ns() - x }\nr if age < 5"},
		{"many values, by a walk", "age := a if { walk(input, [_, x]); a := time.now_ns() - x }\nr if age < 5"},
		{"a package with it", "now := time.now_ns()\nr := data.p.s[input.x]"},
		{"a package with it, whole", "r := data.q"},
		{"collected", "r := [now | now := time.now_ns()]"},
		{"counted by", "r := {now: 1 | now := time.now_ns()}"},
		{"given by with", "q := input.x\nr := 1 if q with input.x as time.now_ns()"},
		{"the domain of every", "r if every x in [time.now_ns()] { x > 5 }"},
		{"a member of two", "r if { some i, x in [time.now_ns()]; x > i }"},
		{"another clock", "late if time.now_ns() > 5\nr if late with time.now_ns as 10"},
		{"another time of day", "q if { [h, _, _] := time.clock(time.now_ns()); h < 5 }\nr if q with time.clock as [1, 2, 3]"},
		{"a function that is the clock", "f(x) := 5\nq if f(1) < time.now_ns()\nr if q with data.p.f as time.parse_duration_ns"},
		{"a function that is another one", "f(x) := 5\ng(x) := x\nq if f(1) < time.now_ns()\nr if q with data.p.f as g"},
		{"a unit that is replaced", "unit := 1000000000\nnow := time.now_ns() / unit\nlate if now < input.x\nr if late with data.p.unit as 7"},
		{"beside a bounded one", "a if time.now_ns() < 5\nb := time.now_ns()\nr := [a, b]"},
		{"in a function and by itself", "f(x) if time.now_ns() < x\nr if { f(5); time.now_ns() == 3 }"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			more := []string{"q.rego", "package q\n\nat := time.now_ns()", "s.rego", "package p.s.t\n\nat := time.now_ns()"}
			if isBounded, calls := clockIn(t, c.text, more...); isBounded {
				t.Errorf("bounded by %s", calls)
			}
		})
	}
}
