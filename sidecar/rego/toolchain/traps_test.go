package main

import (
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

func TestTrapsUnderNot(t *testing.T) {
	cases := map[string]string{
		`r if not input.x.y in {"a"}`:                       "input.x.y",
		`r if not data.roles[input.name]`:                   "input.name",
		`r if not startswith(u.id, "x")`:                    "input.user.id",
		`r if not lower(input.x) == "a"`:                    "input.x",
		`r if not input.x > 3`:                              "input.x",
		`r if not input.x == 1`:                             "",
		`r if not input.x`:                                  "",
		`r if not object.get(input, "x", "") in {"a"}`:      "",
		`r if not count([1 | input.x]) == 2`:                "",
		`r if { input.x.y; not input.x.y in {"a"} }`:        "",
		`r if { input.x.y.z == 1; not input.x.y in {"a"} }`: "",
		"r if not input.x.y in {1}\n\nr if not input.x":     "",
		"r if not u.x in {1}\n\nq if not input.user.x":      "",
		`r if { x := input.x; not x in {1} }`:               "",
		`r if not data.x in {1}`:                            "",
	}
	for text, field := range cases {
		t.Run(text, func(t *testing.T) {
			module := ast.MustParseModule("package p\n\nimport input.user as u\n\n" + text)
			found := traps(map[string]*ast.Module{"p.rego": module})
			switch {
			case field == "" && len(found) > 0:
				t.Errorf("said: %v", found)
			case field != "" && (len(found) != 1 || found[0].Message != "this doesn't hold where "+field+" is absent; if it should, add a rule with `not "+field+"`"):
				t.Errorf("said: %v", found)
			}
			if in := traps(map[string]*ast.Module{"p_test.rego": module}); len(in) > 0 {
				t.Errorf("said of a test: %v", in)
			}
		})
	}
}
