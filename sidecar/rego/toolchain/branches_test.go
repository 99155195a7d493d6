package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func readsIn(t *testing.T, path, text string, more ...string) reads {
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
	return a.readsOf(path)
}

func drawn(paths [][]string) string {
	var out []string
	for _, path := range paths {
		out = append(out, strings.Join(path, "."))
	}
	return strings.Join(out, " ")
}

// shown writes `t="x"&u="y" -> a b; …`.
func shown(branches []branch) string {
	var out []string
	for _, b := range branches {
		var asked []string
		for _, e := range b.When {
			asked = append(asked, strings.Join(e.Path, ".")+"="+string(e.Equals))
		}
		out = append(out, strings.Join(asked, "&")+" -> "+drawn(b.Input))
	}
	return strings.Join(out, "; ")
}

func TestBranches(t *testing.T) {
	cases := []struct{ name, text, input, branches string }{
		{"equal", `r if { input.t == "x"; input.a }`, "a t", `t="x" -> a`},
		{"equal, the other way", `r if { "x" == input.t; input.a }`, "a t", `t="x" -> a`},
		{"unified", `r if { input.t = "x"; input.a }`, "a t", `t="x" -> a`},
		{"a whole number, a truth value, null", `r if { input.t == 1; input.a }
r if { input.t == true; input.b }
r if { input.t == null; input.c }`, "a b c t", `t=1 -> a; t=null -> c; t=true -> b`},
		{"a deep path", `r if { input.t.u == "x"; input.a.b }`, "a.b t.u", `t.u="x" -> a.b`},
		{"a local name", `r if { x := input.t; x == "x"; input.a }`, "a t", `t="x" -> a`},
		{"one of some", `r if { input.t in {"x", "y"}; input.a }`, "a t", `t="x" -> a; t="y" -> a`},
		{"one of some in an array", `r if { input.t in ["x", "y"]; input.a }`, "a t", `t="x" -> a; t="y" -> a`},
		{"the head", `r := input.a if input.t == "x"`, "a t", `t="x" -> a`},
		{"the head's key", `r[input.k] := input.a if input.t == "x"`, "a k t", `t="x" -> a k`},
		{"a member of a set", `r contains input.a if input.t == "x"`, "a t", `t="x" -> a`},
		{"two equalities", `r if { input.t == "x"; input.u == "y"; input.a }
r if input.u`, "a t u", `t="x"&u="y" -> a`},
		{"what is asked under a condition is no condition", `r if { input.t == "x"; input.u == "y"; input.a }`, "a t u", `t="x" -> a u`},
		{"two bodies", `r if { input.t == "x"; input.a }
r if { input.t == "y"; input.b }`, "a b t", `t="x" -> a; t="y" -> b`},
		{"a path of two branches", `r if { input.t == "x"; input.a }
r if { input.t == "y"; input.a }`, "a t", `t="x" -> a; t="y" -> a`},
		{"a path that is read anyway", `r if { input.t == "x"; input.a }
r if input.a`, "a t", ""},
		{"what holds it is read anyway", `r if { input.t == "x"; input.a.b }
r if input.a`, "a t", ""},
		{"what it holds is read anyway", `r if { input.t == "x"; input.a }
r if input.a.b`, "a a.b t", `t="x" -> a`},
		{"a called rule", `h if input.a
r if { input.t == "x"; h }`, "a t", `t="x" -> a`},
		{"a called rule with conditions of its own", `h if { input.u == "y"; input.a }
r if { input.t == "x"; h }
r if input.u`, "a t u", `t="x"&u="y" -> a`},
		{"a rule that is called from elsewhere, too", `h if input.a
r if { input.t == "x"; h }
r if h`, "a t", ""},
		{"a function", `f(x) if x == input.a
r if { input.t == "x"; f(input.b) }`, "a b t", `t="x" -> a b`},
		{"not, below the condition", `r if { input.t == "x"; not input.a }`, "a t", `t="x" -> a`},
		{"not of a rule with conditions", `deny if { input.t == "x"; input.a }
r if not deny`, "a t", `t="x" -> a`},
		{"every", `r if { input.t == "x"; every x in input.xs { x == input.a } }`, "a t xs", `t="x" -> a xs`},
		{"within every", `r if every x in input.xs { input.t == "x"; x == input.a }`, "a t xs", `t="x" -> a`},
		{"within a comprehension", `r := [x | input.t == "x"; x := input.a]`, "a t", `t="x" -> a`},
		{"after a comprehension", `r := x if { x := [1 | input.t == "x"]; input.a }`, "a t", ""},
		{"else", `r := 1 if { input.t == "x"; input.a } else := 2 if { input.b }`, "a b t", `t="x" -> a`},
		{"else with conditions", `r := 1 if { input.t == "x"; input.a } else := 2 if { input.t == "y"; input.b } else := input.c`, "a b c t", `t="x" -> a; t="y" -> b`},
		{"default", `default r := false
r if { input.t == "x"; input.a }`, "a t", `t="x" -> a`},
		{"a contradiction", `h if { input.t == "y"; input.a }
r if { input.t == "x"; h; input.b }`, "b t", `t="x" -> b`},
		{"unequal", `r if { input.t != "x"; input.a }`, "a t", ""},
		{"negated", `r if { not input.t == "x"; input.a }`, "a t", ""},
		{"before the condition", `r if { input.a; input.t == "x" }`, "a t", ""},
		{"after what can fail", `h if input.b
r if { h; input.t == "x"; input.a }`, "a b t", ""},
		{"after going through a list", `r if { some x in input.xs; x.y; input.t == "x"; input.a }`, "a t xs", ""},
		{"a variable path", `r if { some i; input.ts[i] == "x"; input.a }`, "a ts", ""},
		{"another path", `r if { input.t == input.u; input.a }`, "a t u", ""},
		{"a fraction", `r if { input.t == 1.5; input.a }`, "a t", ""},
		{"a great number", `r if { input.t == 9007199254740993; input.a }`, "a t", ""},
		{"a list", `r if { input.t == ["x"]; input.a }`, "a t", ""},
		{"what is no Unicode looks like it", "r if { input.t == \"\uFFFD\"; input.a }", "a t", ""},
		{"with", `h if { input.t == "x"; input.a }
r if h with input.t as "x"`, "a t", ""},
		{"with, elsewhere", `h if { input.t == "x"; input.a }
r if h
r if h with data.x as 1`, "a t", ""},
		{"with, in a function", `f(x) if x with input.u as 1
r if { input.t == "x"; f(input.a) }`, "a t u", ""},
		{"with that isn't reached", `h if input.b with input.t as "x"
r if { input.t == "x"; input.a }`, "a t", `t="x" -> a`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := readsIn(t, "p/r", c.text)
			if drawn(got.Input) != c.input || shown(got.Branches) != c.branches {
				t.Errorf("%s | %s\nexpected %s | %s", drawn(got.Input), shown(got.Branches), c.input, c.branches)
			}
		})
	}
}

func TestLookups(t *testing.T) {
	cases := []struct{ name, text, data, lookups string }{
		{"a key out of the input", `r := data.users[input.subject.id]`, "", "users[subject.id]*"},
		{"below the key", `r := data.users[input.id].roles[_]`, "", "users[id]*"},
		{"a deep table", `r := data.a.b[input.id]`, "", "a.b[id]*"},
		{"a local name", `r if { id := input.subject.id; data.users[id].x }`, "", "users[subject.id]*"},
		{"a local name for what holds it", `r if { s := input.subject; data.users[s.id] }`, "", "users[subject.id]"},
		{"a local name of a local name", `r if { s := input.subject; id := s.id; data.users[id] }`, "", "users[subject.id]"},
		{"not", `r if { id := input.id; not data.users[id].off }`, "", "users[id]*"},
		{"a comprehension", `r := [x | some x in data.users[input.id].xs]`, "", "users[id]*"},
		{"every, by a name from around it", `r if { id := input.id; every x in input.xs { data.users[id][x] } }`, "", "users[id]*"},
		{"two keys", `r if { data.users[input.id]; data.users[input.owner] }`, "", "users[id]* users[owner]*"},
		{"two tables", `r if { data.users[input.id]; data.tools[input.tool] }`, "", "tools[tool]* users[id]*"},
		{"through a rule", `u := data.users[input.id]
r if u.x`, "", "users[id]*"},
		{"a helper", `user(id) := data.users[id]
r if user(input.id).x`, "", "users[id]*"},
		{"a helper of a helper", `user(id) := data.users[id]
f(s) if user(s.id).x
r if f(input.subject)`, "", "users[subject.id]"},
		{"a helper's second argument", `f(x, id) if data.users[id] == x
r if f(1, input.id)`, "", "users[id]*"},
		{"a helper under another's name", `f(x) := y if { id := x; y := data.users[id] }
r if f(input.id)`, "", "users[id]"},
		{"a helper with a value that was made", `user(id) := data.users[id]
r if user(lower(input.id))`, "users", ""},
		{"a helper with a constant", `user(id) := data.users[id]
r if { user(input.id); user("x") }`, "users", ""},
		{"a helper with a pattern", `user({"id": id}) := data.users[id]
r if user(input.s)`, "users", ""},
		{"a variable", `r if data.users[_].x == input.id`, "users", ""},
		{"a name that is given afterwards", `r if { some id; data.users[id].x; id == input.id }`, "users", ""},
		{"a key that was made", `r := data.users[lower(input.id)]`, "users", ""},
		{"a key of a list", `r := data.users[input.ids[0]]`, "users", ""},
		{"any of a list", `r if data.users[input.ids[_]]`, "users", ""},
		{"the whole input", `r := data.users[input]`, "users", ""},
		{"also a constant key", `r if { data.users[input.id]; data.users.root.x }`, "users", ""},
		{"also the whole table", `r if { data.users[input.id]; count(data.users) > 3 }`, "users", ""},
		{"also through a rule", `n := count(data.users)
r if { data.users[input.id]; n > 3 }`, "users", ""},
		{"also what holds it", `r if { data.a.users[input.id]; data.a.x }`, "a.x", "a.users[id]*"},
		{"also all that holds it", `r if { data.a.users[input.id]; count(data.a) > 3 }`, "a", ""},
		{"one table in another", `r if { data.a[input.id]; data.a.b[input.id] }`, "a", ""},
		{"a name of another body", `r if { id := input.id; id == 1 }
r if { data.users[_]; id := input.id }`, "users", ""},
		{"a name that is negated", `r if { id := "x"; not id == input.id; data.users[id] }`, "users", ""},
		{"with input", `u := data.users[input.id]
r if u with input.id as "x"`, "users", ""},
		{"a key that is compared, too", `r if { id := input.id; data.users[id]; id != "x" }`, "", "users[id]"},
		{"a key that is told", `r contains id if { id := input.id; data.users[id] }`, "", "users[id]"},
		{"a key that is asked elsewhere", `r if { data.users[input.id]; input.id }`, "", "users[id]"},
		{"a key in what is read", `r if { data.users[input.s.id]; input.s }`, "", "users[s.id]"},
		{"a key of which a part is read", `r if { data.users[input.s.id]; input.s.id.x }`, "", "users[s.id]"},
		{"a key that lies in another", `r if { data.users[input.s]; data.users[input.s.id] }`, "", "users[s] users[s.id]"},
		{"a key of a table that is read whole, too", `r if { data.users[input.id]; data.tools[input.id]; count(data.tools) > 1 }`, "tools", "users[id]"},
		{"a key that is a condition", `r if { input.id == "x"; data.users[input.id] }`, "", "users[id]"},
		{"a key twice", `r if { id := input.id; data.users[id][id] }`, "", "users[id]"},
		{"a key of what varies", `r if { id := input.id; data.users[id]; input.xs[id] }`, "", "users[id]"},
		{"a name before it has its value", `r if { some id; data.users[id]; data.tools[id]; id = input.id; data.tools[id] }`, "tools users", ""},
		{"two names", `r if { id := input.id; data.users[id]; o := input.id; data.tools[o]; not data.users[o] }`, "", "tools[id]* users[id]*"},
		{"a helper that asks the key, too", `user(id) := data.users[id] if id != "x"
r if user(input.id)`, "", "users[id]"},
		{"a helper that gives the key back", `user(id) := [id, data.users[id]]
r if user(input.id)`, "", "users[id]"},
		{"a helper of several definitions, one of which asks the key", `user(id) := data.users[id]
user(id) := 1 if id == "x"
r if user(input.id)`, "", "users[id]"},
		{"a helper's body of else", `f(id) := 1 if data.users[id] else := 2 if data.tools[id]
r if f(input.id)`, "", "tools[id]* users[id]*"},
		{"a helper's body of else that asks the key", `f(id) := 1 if data.users[id] else := 2 if id == "x"
r if f(input.id)`, "", "users[id]"},
		{"a helper with a constant for an argument", `f("x") := 1
f(id) := 2 if data.users[id]
r if f(input.id)`, "", "users[id]"},
		{"a helper's result", `f(x, id) := data.users[id] if x
r if { id := input.id; id = f(1, id) }`, "", "users[id]"},
		{"a helper that leaves the key alone", `f(_) := 1
r if { id := input.id; f(id) }`, "", ""},
		{"a helper that looks up, and one that leaves it alone", `f(_) := 1
r if { id := input.id; f(id); data.users[id] }`, "", "users[id]"},
		{"helpers of helpers", `user(id) := data.users[id]
f(x) if user(x).y
r if { id := input.id; not f(id); data.tools[id] }`, "", "tools[id]* users[id]*"},
		{"with data", `u := data.users[input.id]
r if u with data.users.x as 1`, "users", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := readsIn(t, "p/r", c.text)
			var lookups []string
			for _, k := range got.Lookups {
				if !slices.ContainsFunc(got.Input, func(path []string) bool { return overlap(path, k.By) && len(path) <= len(k.By) }) {
					t.Errorf("%v isn't in %v", k.By, got.Input)
				}
				mark := ""
				if k.Alone {
					mark = "*"
				}
				lookups = append(lookups, strings.Join(k.Table, ".")+"["+strings.Join(k.By, ".")+"]"+mark)
			}
			if drawn(got.Data) != c.data || strings.Join(lookups, " ") != c.lookups {
				t.Errorf("%s | %v, expected %s | %s", drawn(got.Data), lookups, c.data, c.lookups)
			}
		})
	}
}

// Where rules lie in a table, above it or in another package below it, it isn't made of base documents alone.
func TestTablesAreBaseDocuments(t *testing.T) {
	for name, files := range map[string][]string{
		"a package in the table":   {"data.users[input.id]", "q.rego", "package users.x\n\ny := input.z"},
		"the table is a package":   {"data.users[input.id]", "q.rego", "package users\n\ny := input.z"},
		"the table is a rule":      {"data.q.users[input.id]", "q.rego", "package q\n\nusers := {\"a\": input.z}"},
		"a rule is in the table":   {"data.q.users[input.id]", "q.rego", "package q\n\nusers.a := input.z"},
		"a rule with keys":         {"data.q.users[input.id]", "q.rego", "package q\n\nusers[k] := 1 if k := input.z"},
		"the table is in a rule":   {"data.q.all.users[input.id]", "q.rego", "package q\n\nall := {\"users\": input.z}"},
		"a rule with a deeper key": {"data.q.users[input.id]", "q.rego", "package q\n\nusers[k].x := 1 if k := input.z"},
	} {
		got := readsIn(t, "p/r", "r := "+files[0], files[1:]...)
		if len(got.Lookups) > 0 || drawn(got.Input) != "id z" {
			t.Errorf("%s: %v %s", name, got.Lookups, drawn(got.Input))
		}
	}
}

// Many conditions are given up for a bounded number, always the same.
func TestBranchesAreBounded(t *testing.T) {
	var texts []string
	for i := range 60 {
		texts = append(texts, fmt.Sprintf(`r if { input.t == "x%d"; input.u == "y%d"; input.a%d; input.b%d }`, i, i%7, i, i/2))
	}
	texts = append(texts, "r if input.u")
	first := readsIn(t, "p/r", strings.Join(texts, "\n"))
	if len(first.Branches) != mostBranches {
		t.Errorf("%d branches", len(first.Branches))
	}
	for range 5 {
		again := readsIn(t, "p/r", strings.Join(texts, "\n"))
		if shown(again.Branches) != shown(first.Branches) || drawn(again.Input) != drawn(first.Input) {
			t.Fatal("they differ")
		}
	}
	for _, b := range first.Branches {
		for _, path := range b.Input {
			if slices.ContainsFunc(b.When, func(e equality) bool { return slices.Equal(e.Path, path) }) {
				t.Error(path)
			}
		}
	}
}

// Rules that call rules hand on a bounded number of conditions.
func TestWaysAreBounded(t *testing.T) {
	var texts []string
	for i := range 150 {
		texts = append(texts,
			fmt.Sprintf(`r%d if { input.t == "x%d"; input.a%d == 1; r%d }`, i, i, i, i+1),
			fmt.Sprintf(`r%d if { input.u == "y%d"; input.b%d; r%d }`, i, i, i, i+1),
		)
	}
	files := map[string]string{"p.rego": "package p\n\n" + strings.Join(texts, "\n") + "\nr150 if input.z"}
	source, faults := (&request{Files: files}).read(false)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	a, faults := analyse(source.Modules, nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if got := a.readsOf("p/r0"); len(got.Input) != 303 {
		t.Error(len(got.Input))
	}
	for _, found := range a.refs {
		ways := 0
		for _, read := range found.input {
			ways += len(read.when)
		}
		if ways > mostWaysInAll+len(found.input) {
			t.Fatal(ways)
		}
	}
}
