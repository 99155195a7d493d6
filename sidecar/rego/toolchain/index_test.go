package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/compile"
)

// bodies gives n bodies of a rule, each with its own number.
func bodies(n int, rule string) string {
	var out strings.Builder
	for i := range n {
		out.WriteString(strings.ReplaceAll(rule, "@", fmt.Sprint(i)) + "\n")
	}
	return out.String()
}

func buildText(t *testing.T, text string, more ...string) (built, []fault) {
	t.Helper()
	files := map[string]string{"p.rego": text}
	for i := 0; i+1 < len(more); i += 2 {
		files[more[i]] = more[i+1]
	}
	out, faults := build(&request{Files: files, Entrypoints: []string{"p"}})
	if len(faults) > 0 {
		return built{}, faults
	}
	return out.(built), nil
}

func TestWhatIsIndexed(t *testing.T) {
	cases := []struct {
		name, text string
		by         []string
	}{
		{"equal", bodies(9, `allow if input.t == "@"`), []string{"input.t"}},
		{"equal, the other way", bodies(9, `allow if "@" == input.t`), []string{"input.t"}},
		{"unified", bodies(9, `allow if input.t = "@"`), []string{"input.t"}},
		{"a constant head", bodies(9, `limit := @ if input.t == "@"`), []string{"input.t"}},
		{"a partial set", bodies(9, `deny contains "r@" if input.t == "@"`), []string{"input.t"}},
		{"a partial object", bodies(9, `obj[input.k] := @ if input.t == "@"`), []string{"input.t"}},
		{"a deep name", bodies(9, `a.b.c if input.t == "@"`), []string{"input.t"}},
		{"a local name for the field", bodies(9, `allow if { x := input.t; x == "@" }`), []string{"input.t"}},
		{"a local name for what holds it", bodies(9, `allow if { x := input.u; x.t == "@" }`), []string{"input.u.t"}},
		{"an import", "import input.u as user\n" + bodies(9, `allow if user.t == "@"`), []string{"input.u.t"}},
		{"one of some", bodies(9, `allow if input.t in {"@", "x@"}`), []string{"input.t"}},
		{"a member", bodies(30, `allow if "@" in input.groups`), []string{"input.groups[_]"}},
		{"an element", bodies(30, `allow if input.groups[_] == "@"`), []string{"input.groups[_]"}},
		{"two fields", bodies(50, `allow if { input.t == "x"; input.u == "@" }`), []string{"input.u"}},
		{"big groups again", bodies(20, `allow if { input.t == "x"; input.n > @ }`) + bodies(20, `allow if { input.t == "y"; input.u == "@" }`), []string{"input.t", "input.u"}},
		{"the rest by another field", bodies(20, `allow if input.t == "@"`) + bodies(20, `allow if input.u == "@"`), []string{"input.t", "input.u"}},

		{"equal, after what can fail", bodies(9, `allow if { data.q.x; input.t == "@" }`), []string{"input.t"}},
		{"one of some, before what can fail", bodies(9, `allow if { input.t in {"@"}; data.q.x }`), []string{"input.t"}},
		{"one of some, after what can fail", bodies(9, `allow if { data.q.x; input.t in {"@"} }`), nil},
		{"a local name, after what can fail", bodies(9, `allow if { data.q.x; t := input.t; t == "@" }`), nil},
		{"a member, after what can fail", bodies(30, `allow if { startswith(input.t, "x"); "@" in input.groups }`), nil},
		{"two values, the second after what can fail", bodies(9, `allow if { input.t == "@"; data.q.x; input.t == "y" }`), []string{"input.t"}},
		{"two values, both after what can fail", bodies(9, `allow if { data.q.x; input.t == "@"; input.t == "y" }`), nil},
		{"two values, one of some after what can fail", bodies(9, `allow if { data.q.x; input.t == "@"; input.t in {"y"} }`), nil},
		{"too few", bodies(7, `allow if input.t == "@"`), nil},
		{"the same value everywhere", bodies(9, `allow if { input.t == "x"; input.n == @ }`), nil},
		{"numbers", bodies(9, `allow if input.t == @`), nil},
		{"negated", bodies(9, `allow if not input.t == "@"`), nil},
		{"unequal", bodies(9, `allow if input.t != "@"`), nil},
		{"under with", bodies(9, `h if input.t == "x"`+"\n"+`allow if input.t == "@" with input.u as 1`), nil},
		{"inside a comprehension", bodies(9, `allow if count([1 | input.t == "@"]) > 0`), nil},
		{"data", bodies(9, `allow if data.t == "@"`), nil},
		{"a path that varies", bodies(9, `allow if { some k; input[k] == "@" }`), nil},
		{"functions", "allow if f(1)\n" + bodies(9, `f(x) if { x == 1; input.t == "@" }`), nil},
		{"else", bodies(9, `allow if input.t == "@" else := false if input.n == 1`), nil},
		{"print", bodies(9, `allow if { input.t == "@"; print("@") }`), nil},
		{"metadata", bodies(9, `allow if { input.t == "@"; rego.metadata.rule() }`), nil},
		{"somebody goes through data", "x if data[_].y\n" + bodies(9, `allow if input.t == "@"`), nil},
		{"somebody looks data up", "x if data[input.x].y\n" + bodies(9, `allow if input.t == "@"`), nil},
		{"somebody mocks", "x if count([1]) == 7 with count as 7\n" + bodies(9, `allow if input.t == "@"`), nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out, faults := buildText(t, "package p\n\n"+c.text)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			var by []string
			for _, x := range out.Indexed {
				by = append(by, x.By...)
			}
			slices.Sort(by)
			if !slices.Equal(by, c.by) {
				t.Errorf("indexed by %v, expected %v", by, c.by)
			}
		})
	}
}

func TestGeneratedPackagesAreReserved(t *testing.T) {
	for name, files := range map[string][]string{
		"declared": {"package p\nx := 1", "q.rego", "package countersign_index.a\ny := 1"},
		"read":     {"package p\nx := data.countersign_index.a"},
		"imported": {"package p\nimport data.countersign_index as i\nx := i.a"},
		"data":     {"package p\nx := 1", "data.json", `{"countersign_index": {}}`},
	} {
		if _, faults := buildText(t, files[0], files[1:]...); len(faults) == 0 || faults[0].Code != "reserved_package" {
			t.Errorf("%s: %v", name, faults)
		}
	}
}

// Conditions with several values, one in the other, copy bodies; the module mustn't grow with each.
func TestCopiesAreBounded(t *testing.T) {
	in := func(field string) string {
		return fmt.Sprintf(`input.%s in {"a@", "b@", "c@", "d@", "e", "f", "g", "h"}; `, field)
	}
	files := map[string]string{"p.rego": "package p\n" + bodies(200, "allow if { "+in("t")+in("u")+in("v")+"input.n == @ }")}
	source, faults := (&request{Files: files}).read(false)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	rewritten, list := indexBundle(source)
	if len(list) != 1 {
		t.Fatal(list)
	}
	count := 0
	for _, file := range rewritten.Modules {
		count += len(file.Parsed.Rules)
	}
	if groups := list[0].Groups; count-groups > 2*200+50 {
		t.Errorf("%d bodies and %d groups out of 200", count, groups)
	}
}

// A build that fails with the index succeeds without it; one that fails without it says why.
func TestIndexNeverRefuses(t *testing.T) {
	req := request{Files: map[string]string{"p.rego": "package p\n" + bodies(9, `allow if input.t == "@"`)}}
	source, faults := req.read(false)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for name, broken := range map[string]func() error{
		"error": func() error { return fmt.Errorf("no") },
		"panic": func() error { panic("no") },
	} {
		var tried []bool
		_, list, err := buildIndexed(source, nil, func(b *bundle.Bundle) (*compile.Compiler, error) {
			tried = append(tried, b != source)
			if b != source {
				return nil, broken()
			}
			return compile.New(), nil
		})
		if err != nil || len(list) != 0 || !slices.Equal(tried, []bool{true, false}) {
			t.Errorf("%s: %v %v %v", name, err, list, tried)
		}
	}
}

// What the manifest says of entrypoints doesn't depend on the index.
func TestManifestStays(t *testing.T) {
	text := "package p\n\n# METADATA\n# entrypoint: true\n" + "allow if input.t == \"first\"\n\n" +
		bodies(9, "# METADATA\n# title: Rule\n# custom:\n#  id: R-@\nallow if input.t == \"@\"\n") +
		"# METADATA\n# title: Stays\nallow if rego.metadata.rule().title == input.title\n"
	more := "package p\n\n" + bodies(9, "# METADATA\n# title: More\n# custom:\n#  id: S-@\nallow if input.t == \"@\"\n")
	no := false
	var manifests []string
	for _, index := range []*bool{nil, &no} {
		out, faults := build(&request{Files: map[string]string{"p.rego": text, "more.rego": more}, Index: index})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		manifests = append(manifests, string(out.(built).Manifest))
		if (index == nil) != (len(out.(built).Indexed) == 1) {
			t.Error(out.(built).Indexed)
		}
	}
	if manifests[0] != manifests[1] {
		t.Errorf("%s\n%s", manifests[0], manifests[1])
	}
}
