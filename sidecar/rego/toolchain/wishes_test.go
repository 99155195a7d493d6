package main

import (
	"strings"
	"testing"
)

const cached = "# METADATA\n# custom:\n#   cache: "

func wishIn(t *testing.T, path, text string) (string, []fault) {
	t.Helper()
	out, faults := dependencies(&request{Files: map[string]string{"a/p.rego": text}, Entrypoints: []string{path}})
	if len(faults) > 0 {
		return "", faults
	}
	found := out.(map[string]any)["entrypoints"].([]reads)[0]
	if found.Cache == nil {
		return "", nil
	}
	return string(marshal(found.Cache)), nil
}

func TestWishes(t *testing.T) {
	cases := []struct{ name, path, text, expected string }{
		{"none", "p/r", "package p\n\nr := 1", ""},
		{"a rule", "p/r", "package p\n\n" + cached + "{ttl: 30}\nr := 1", `{"ttl":30}`},
		{"both", "p/r", "package p\n\n" + cached + "{ttl: 0.5, scope: task}\nr := 1", `{"ttl":0.5,"scope":"task"}`},
		{"never", "p/r", "package p\n\n" + cached + "{ttl: 0}\nr := 1", `{"ttl":0}`},
		{"an entrypoint, whose scope is the document", "p/r", "package p\n\n# METADATA\n# entrypoint: true\n# custom:\n#   cache: {scope: subject}\nr := 1", `{"scope":"subject"}`},
		{"one of several bodies", "p/r", "package p\n\nr if input.a\n\n" + cached + "{ttl: 1}\nr if input.b", `{"ttl":1}`},
		{"two bodies that agree", "p/r", "package p\n\n" + cached + "{ttl: 1}\nr if input.a\n\n" + cached + "{ttl: 1}\nr if input.b", `{"ttl":1}`},
		{"the package", "p/r", cached + "{ttl: 30}\npackage p\n\nr := 1", `{"ttl":30}`},
		{"a package that is asked", "p", cached + "{ttl: 30}\npackage p\n\nr := 1", `{"ttl":30}`},
		{"rule before package, each member", "p/r", cached + "{ttl: 30, scope: task}\npackage p\n\n" + cached + "{ttl: 5}\nr := 1", `{"ttl":5,"scope":"task"}`},
		{"packages above", "p/q/r", "# METADATA\n# scope: subpackages\n# custom:\n#   cache: {ttl: 3}\npackage p.q\n\nr := 1", `{"ttl":3}`},
		{"another rule's", "p/r", "package p\n\nr := q\n\n" + cached + "{ttl: 30}\nq := 1", ""},
		{"a package isn't its rule", "p", "package p\n\n" + cached + "{ttl: 30}\nr := 1", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, faults := wishIn(t, c.path, c.text)
			if len(faults) > 0 || got != c.expected {
				t.Errorf("%s %v, expected %s", got, faults, c.expected)
			}
		})
	}
}

func TestWrongWishes(t *testing.T) {
	for _, c := range []struct{ wish, message string }{
		{`30`, `write "cache: {ttl: 30}"`},
		{`{}`, `write "cache: {ttl: 30}"`},
		{`[ttl]`, `write "cache: {ttl: 30}"`},
		{``, `write "cache: {ttl: 30}"`},
		{`{ttl: "30"}`, "ttl must be seconds"},
		{`{ttl: 30s}`, "ttl must be seconds"},
		{`{ttl: -1}`, "ttl must be seconds"},
		{`{ttl: 1e12}`, "ttl must be seconds"},
		{`{ttl: true}`, "ttl must be seconds"},
		{`{ttl: }`, "ttl has no value"},
		{`{scope: user}`, "scope must be one of tenant, subject, task"},
		{`{scope: 1}`, "scope must be one of"},
		{`{ttl: 1, tll: 2}`, "tll isn't known"},
	} {
		// what is wrong is told wherever it stands
		text := "package p\n\nr := 1\n\n" + cached + c.wish + "\nq := 1"
		if _, faults := wishIn(t, "p/r", text); len(faults) != 1 || faults[0].Code != "cache_metadata" ||
			!strings.Contains(faults[0].Message, c.message) || faults[0].File != "a/p.rego" || faults[0].Row != 5 {
			t.Errorf("%s: %v", c.wish, faults)
		}
		if _, faults := check(&request{Files: map[string]string{"a/p.rego": text}}); len(faults) != 1 || faults[0].Code != "cache_metadata" {
			t.Errorf("check, %s: %v", c.wish, faults)
		}
	}
	text := "package p\n\n" + cached + "{ttl: 1}\nr if input.a\n\n" + cached + "{ttl: 2}\nr if input.b"
	if _, faults := wishIn(t, "p/r", text); len(faults) != 1 || faults[0].Row != 8 || !strings.Contains(faults[0].Message, "another rule at p/r") {
		t.Error(faults)
	}
}
