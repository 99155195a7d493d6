package main

import (
	"strings"
	"testing"
)

// What goes through a package that holds a function goes through its document; what doesn't stays as it is.
func TestPackagesWithFunctionsAreDocuments(t *testing.T) {
	lib := "package lib\n\nx := 1\n\nf(a) := a\n\nn.g(a) := a\n\nn.y := 2"
	cases := map[string]bool{
		`r contains k if some k in data.lib`:               true,
		`r contains k if some k, _ in data.lib`:            true,
		`r contains k if data.lib[k]`:                      true,
		`r contains k if data.lib[k].y`:                    true,
		`r := data.lib[input.k]`:                           true,
		`r if not data.lib[input.k]`:                       true,
		`r contains k if l[k]`:                             true,
		`r := [k | some k in l]`:                           true,
		`r contains k if { x := data.lib; some k in x }`:   false,
		`r := data.lib.x`:                                  false,
		`r := data.lib.f(1)`:                               false,
		`r contains k if some k in data.other`:             false,
		`r contains k if data.packages[k].allow`:           false,
		`r contains k if { l := {"a": 1}; some k in l }`:   true,
		`r contains k if { some k in {"f"}; data.lib[k] }`: true,
	}
	for text, made := range cases {
		t.Run(text, func(t *testing.T) {
			source, faults := (&request{Files: map[string]string{
				"p.rego": "package p\n\nimport data.lib as l\n\n" + text, "lib.rego": lib, "other.rego": "package other\n\nx := 1",
				"one.rego": "package packages.one\n\nallow if input.x\n\nf(a) := a",
			}}).read(false)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			analysis, faults := analyse(source.Modules, source.Data)
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			analysis.withoutFunctions(source.Modules)
			found := false
			for _, file := range source.Modules {
				found = found || strings.Contains(file.Parsed.String(), "][0]") || strings.Contains(file.Parsed.String(), "[l][0]")
			}
			if found != made {
				t.Errorf("made a document: %v", found)
			}
		})
	}
}
