package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// derive gives the condition of `p.include` for an input, by OPA's own evaluator.
func derive(t *testing.T, text, data, input string) string {
	t.Helper()
	module := ast.MustParseModuleWithOpts(text, ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1})
	modules := map[string]*ast.Module{"p.rego": module}
	made, _, faults := lift(modules)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for i, m := range made {
		modules[fmt.Sprint(i)] = m
	}
	compiler := ast.NewCompiler()
	if compiler.Compile(modules); compiler.Failed() {
		t.Fatal(compiler.Errors)
	}
	options := []func(*rego.Rego){rego.Query("data.countersign_filter.p.include"), rego.Compiler(compiler)}
	var base map[string]any
	var in any
	if err := json.Unmarshal([]byte(data), &base); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(input), &in); err != nil {
		t.Fatal(err)
	}
	options = append(options, rego.Store(inmem.NewFromObject(base)), rego.Input(in))
	set, err := rego.New(options...).Eval(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(set) == 0 {
		t.Fatal("undefined: ", made)
	}
	out, _ := json.Marshal(set[0].Expressions[0].Value)
	return string(out)
}

const filtered = `package p

import input.resource.document as doc

# METADATA
# custom: {filter: {unknown: input.resource.document}}
`

func TestWhatIsDerived(t *testing.T) {
	const data = `{"levels": {"public": 0, "internal": 1, "secret": 2}}`
	const input = `{"t": "acme", "n": 1, "g": ["a", "b"]}`
	cases := []struct{ name, rego, want string }{
		{"a comparison", `include if doc.tenant == input.t`, `["or",[["eq","tenant","acme"]]]`},
		{"the other way", `include if input.n >= doc.level`, `["or",[["le","level",1]]]`},
		{"undefined", `include if doc.tenant == input.nothing`, `["or",[]]`},
		{"a lookup", `include if data.levels[doc.c] <= input.n`, `["or",[["eq","c","internal"],["eq","c","public"]]]`},
		{"one of some", `include if doc.c in input.g`, `["or",[["in","c",["a","b"]]]]`},
		{"an element", `include if "x" in doc.tags`, `["or",[["has","tags","x"]]]`},
		{"any element", `include if { some x in doc.tags; x in input.g }`, `["or",[["any","tags",["a","b"]]]]`},
		{"any element, twice", `include if { some x in doc.tags; x in input.g; x != "a" }`, `["or",[["has","tags","b"]]]`},
		{"an element that is equal", `include if { some x in doc.tags; x == input.t }`, `["or",[["has","tags","acme"]]]`},
		{"not", `include if not doc.c == "x"`, `["or",[["not",["or",[["eq","c","x"]]]]]]`},
		{"alone", `include if doc.open`, `["or",[["is","open"]]]`},
		{"not alone", `include if not doc.open`, `["or",[["not",["or",[["is","open"]]]]]]`},
		{"present", `include if { x := doc.a; doc.b == x; true } else if false`, ``},
		{"a rule", "include if mine\nmine if doc.t == input.t\nmine if doc.o == input.t", `["or",[["or",[["eq","o","acme"],["eq","t","acme"]]]]]`},
		{"a rule with a value", "include if level <= input.n\nlevel := data.levels[doc.c]", `["or",[["eq","c","internal"],["eq","c","public"]]]`},
		{"a default", "include if not shut\ndefault shut := false\nshut if doc.s", `["or",[["not",["or",[["or",[["is","s"]]]]]]]]`},
		{"else", "include if k == 1\nk := 2 if doc.a else := 1 if doc.b", `["or",[["and",[["is","b"],["not",["or",[["is","a"]]]]]]]]`},
		{"a function of the document", "include if mine(doc, input.t)\nmine(d, t) if d.t == t", `["or",[["or",[["eq","t","acme"]]]]]`},
		{"a function of a field", "include if one(doc.t)\none(\"x\") if true\none(t) if t == input.t", `["or",[["and",[["or",[["eq","t","acme"],["eq","t","x"]]],["exists","t"]]]]]`},
		{"a set", "include if not \"late\" in why\nwhy contains \"late\" if doc.at > input.n", `["or",[["not",["or",[["or",[["gt","at",1]]]]]]]]`},
		{"a name for the document", "include if d.t == input.t\nd := input.resource.document", `["or",[["eq","t","acme"]]]`},
		{"what holds the document", `include if { r := input.resource; r.document.t == input.t }`, `["or",[["eq","t","acme"]]]`},
		{"every", `include if every g in input.g { doc.t != g }`, `["or",[["and",[["or",[["ne","t","a"]]],["or",[["ne","t","b"]]]]]]]`},
		{"a text", `include if startswith(doc.t, input.t)`, `["or",[["startswith","t","acme"]]]`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.want == "" {
				t.Skip()
			}
			if got := derive(t, filtered+c.rego, data, input); got != c.want {
				t.Fatalf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestFiltersAreBuilt(t *testing.T) {
	zero := 0
	cases := []struct {
		name string
		req  request
	}{
		{"a bundle of its own roots", request{Files: map[string]string{
			".manifest": `{"roots": ["p"]}`, "p.rego": filtered + `include if doc.tenant == input.t`,
		}}},
		{"prints", request{Files: map[string]string{
			"p.rego": filtered + "include if {\n\tprint(doc, doc.tenant)\n\tdoc.tenant == input.t\n}",
		}}},
		{"Rego v0", request{RegoVersion: &zero, Files: map[string]string{
			"p.rego": "package p\n\n# METADATA\n# custom: {filter: {unknown: input.resource.document}}\ninclude { input.resource.document.t == input.t }",
		}}},
		{"rules that are looked up", request{Files: map[string]string{
			"p.rego": filtered + "include if doc.x == input.t\n" + bodies(20, `mine if { input.t == "@"; doc.t == "x" }`) + "include if mine\n",
		}}},
		{"tests beside it", request{Files: map[string]string{
			"p.rego": filtered + `include if doc.tenant == input.t`, "p_test.rego": "package p\n\ntest_it if data.countersign_filter",
		}}},
		{"annotated rules that it needs", request{Files: map[string]string{
			"p.rego": filtered + "include if mine\n\n# METADATA\n# title: mine\nmine if doc.tenant == input.t",
		}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out, faults := build(&c.req)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			found := out.(built)
			at := slices.IndexFunc(found.Entrypoints, func(one reads) bool { return one.Path == "countersign_filter/p/include" })
			if at < 0 {
				t.Fatal("no entrypoint")
			}
			if input := found.Entrypoints[at].Input; !slices.EqualFunc(input, [][]string{{"t"}}, slices.Equal) {
				t.Fatalf("reads %v", input)
			}
			for _, one := range found.Entrypoints {
				if strings.HasPrefix(one.Path, twinRoot) {
					t.Fatalf("%s is an entrypoint", one.Path)
				}
			}
			if len(found.Rules) > 2 {
				t.Fatalf("rules are listed twice: %v", found.Rules)
			}
		})
	}
}

// All rules stay entrypoints, and nothing else becomes one, where there is a filter.
func TestFiltersAddOneEntrypoint(t *testing.T) {
	text := "package p\n\nimport input.resource.document as doc\n\n# METADATA\n# scope: document\n# @\ninclude if mine\n\nmine if doc.t == input.t\n\nother := 1\n"
	paths := func(annotation string) []string {
		out, faults := build(&request{Files: map[string]string{"p.rego": strings.Replace(text, "@", annotation, 1)}})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		var all []string
		for _, one := range out.(built).Entrypoints {
			all = append(all, one.Path)
		}
		return all
	}
	without, with := paths("title: x"), paths("custom: {filter: {unknown: input.resource.document}}")
	if !slices.Equal(slices.Concat([]string{"countersign_filter/p/include"}, without), with) {
		t.Fatalf("%v, %v", without, with)
	}
}

func TestFiltersOfTwoUnknowns(t *testing.T) {
	text := "package p\n\n# METADATA\n# custom: {filter: {unknown: input.a}}\nx if input.a.f == input.b.f\n\n# METADATA\n# custom: {filter: {unknown: input.b}}\ny if input.a.f == input.b.f\n"
	if _, faults := build(&request{Files: map[string]string{"p.rego": text}}); len(faults) > 0 {
		t.Fatal(faults)
	}
}

// Of a document with the labels a and b, `not x == "a"` holds for the element b: a condition on all of the list doesn't say
// that, and under another `not` it would be wider than the rule.
func TestElementsThatWereNamedOutside(t *testing.T) {
	const rule = "include if not blocked\nblocked if {\n\tsome x in doc.tags\n\t@\n\tx in input.g\n}"
	for line, refused := range map[string]bool{
		`not x == "a"`:                   true,
		`not x in input.h`:               true,
		`every y in input.h { x == y }`:  true,
		`input.t`:                        false,
		`not input.t`:                    false,
		`every y in input.h { y != 1 }`:  false,
		"x in input.h\n\tnot x == \"a\"": false,
	} {
		text := filtered + strings.Replace(rule, "@", line, 1)
		_, faults := build(&request{Files: map[string]string{"p.rego": text}})
		if (len(faults) > 0) != refused {
			t.Errorf("%s: %v", line, faults)
		}
	}
}
