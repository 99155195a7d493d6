package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/rego/compile"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

type document map[string]any

// documents gives all combinations of some values of four fields, each also missing.
func documents() []document {
	values := map[string][]any{
		"t": {nil, "acme", "abc", "x"}, "c": {nil, "public", "internal", "secret"},
		"n": {nil, 0.0, 1.0, 2.0}, "b": {nil, true, false},
	}
	out := []document{{}}
	for _, field := range []string{"t", "c", "n", "b"} {
		var next []document
		for _, known := range out {
			for _, value := range values[field] {
				made := document{}
				for k, v := range known {
					made[k] = v
				}
				if value != nil {
					made[field] = value
				}
				next = append(next, made)
			}
		}
		out = next
	}
	return out
}

func (d document) test(operator, field string, value any) bool {
	found, there := d[field]
	if !there {
		return false
	}
	switch operator {
	case "eq":
		return found == value
	case "ne":
		return found != value
	case "in":
		for _, one := range value.([]any) {
			if one == found {
				return true
			}
		}
		return false
	case "startswith", "endswith", "contains":
		a, isText := found.(string)
		b, also := value.(string)
		return isText && also && map[string]func(string, string) bool{
			"startswith": strings.HasPrefix, "endswith": strings.HasSuffix, "contains": strings.Contains,
		}[operator](a, b)
	}
	order := ast.Compare(ast.MustInterfaceToValue(found), ast.MustInterfaceToValue(value))
	return map[string]bool{"lt": order < 0, "le": order <= 0, "lte": order <= 0, "gt": order > 0, "ge": order >= 0, "gte": order >= 0}[operator]
}

// ours evaluates what a twin gives.
func (d document) ours(t *testing.T, condition any) bool {
	list := condition.([]any)
	switch operator := list[0].(string); operator {
	case "and", "or":
		for _, one := range list[1].([]any) {
			if d.ours(t, one) == (operator == "or") {
				return operator == "or"
			}
		}
		return operator == "and"
	case "not":
		return !d.ours(t, list[1])
	case "is", "exists":
		found, there := d[list[1].(string)]
		return there && (operator == "exists" || found != false)
	default:
		return d.test(operator, list[1].(string), list[2])
	}
}

// theirs evaluates UCAST as OPA gives it.
func (d document) theirs(t *testing.T, condition any) bool {
	node := condition.(map[string]any)
	operator, _ := node["operator"].(string)
	if node["type"] == "field" {
		return d.test(operator, strings.TrimPrefix(node["field"].(string), "doc."), node["value"])
	}
	members := node["value"].([]any)
	if operator == "not" {
		return !d.theirs(t, members[0])
	}
	for _, one := range members {
		if d.theirs(t, one) == (operator == "or") {
			return operator == "or"
		}
	}
	return operator == "and"
}

func TestAsOPAsPartialEvaluation(t *testing.T) {
	const data = `{"levels": {"public": 0, "internal": 1, "secret": 2}, "admins": ["root"]}`
	const input = `{"t": "acme", "n": 1, "g": ["public", "internal"], "who": "ann"}`
	bodies := []string{
		`include if input.doc.t == input.t`,
		`include if input.doc.t != input.t`,
		`include if input.n >= input.doc.n`,
		`include if { input.doc.n > 0; input.doc.n < 2 }`,
		`include if input.doc.c in input.g`,
		`include if input.doc.c in {"public", "secret"}`,
		`include if startswith(input.doc.t, "a")`,
		`include if endswith(input.doc.t, "c")`,
		`include if contains(input.doc.t, "b")`,
		"include if input.doc.t == input.t\ninclude if input.doc.c == \"public\"",
		"include if input.doc.t == input.t\ninclude if input.who in data.admins",
		"include if { input.doc.t == input.t; not input.who in data.admins }",
		"include if { some c, level in data.levels; level <= input.n; input.doc.c == c }",
		"include if own\nown if input.doc.t == input.t\nown if input.doc.b == true",
		"include if own(input.doc)\nown(d) if d.t == input.t",
		"include if own(input.doc.t)\nown(t) if t == input.t\nown(\"x\") if true",
		`include if not input.doc.c == "secret"`,
		"include if not secret\nsecret if input.doc.c == \"secret\"",
		"include if not secret\nsecret if { input.doc.c == \"secret\"; input.doc.n > 0 }\nsecret if input.doc.b == true",
		`include if data.levels[input.doc.c] <= input.n`,
		`include if input.doc.b`,
		`include if { every c in input.g { input.doc.c != c } }`,
		"include if input.nothing == input.doc.t",
		"include if true",
		"default shut := false\nshut if input.doc.b == true\ninclude if not shut",
	}
	compared := 0
	for _, body := range bodies {
		text := "package p\n\n# METADATA\n# scope: document\n# custom: {filter: {unknown: input.doc}}\n" + body + "\n"
		if strings.HasPrefix(body, "default") {
			text = "package p\n\n" + strings.Replace(body, "include", "# METADATA\n# custom: {filter: {unknown: input.doc}}\ninclude", 1) + "\n"
		}
		var base map[string]any
		var in, condition any
		for text, into := range map[string]any{data: &base, input: &in, derive(t, text, data, input): &condition} {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				t.Fatal(err)
			}
		}
		theirs, ok := partially(text, base, in)
		if !ok {
			t.Logf("OPA gives no filter of: %s", body)
			continue
		}
		compared++
		for _, one := range documents() {
			expected := theirs != nil && (len(theirs) == 0 || one.theirs(t, theirs))
			if got := one.ours(t, condition); got != expected {
				t.Fatalf("%s\n%v: ours %t, OPA's %t\n%v\n%v", body, one, got, expected, condition, theirs)
			}
		}
	}
	if compared < 15 {
		t.Fatalf("only %d of %d could be compared", compared, len(bodies))
	}
}

// partially gives OPA's own filter, nil where nothing holds; false where it can't make one.
func partially(text string, data map[string]any, input any) (map[string]any, bool) {
	ctx := context.Background()
	prepared, err := compile.New(
		compile.Target("ucast", "all"),
		compile.ParsedUnknowns(ast.MustParseTerm("input.doc")),
		compile.ParsedQuery(ast.MustParseBody("data.p.include")),
		compile.Rego(rego.Module("p.rego", text), rego.Store(inmem.NewFromObject(data))),
	).Prepare(ctx)
	if err != nil {
		return nil, false
	}
	filters, err := prepared.Compile(ctx, rego.EvalInput(input))
	if err != nil {
		return nil, false
	}
	query := filters.One().Query
	if query == nil {
		return nil, true
	}
	raw, err := json.Marshal(query)
	if err != nil {
		return nil, false
	}
	found := map[string]any{}
	if json.Unmarshal(raw, &found) != nil || found == nil {
		return nil, string(raw) == "null"
	}
	return found, true
}
