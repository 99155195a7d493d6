package main

import (
	"slices"
	"testing"
)

func TestPoliciesOfTheLogAreAlwaysEntrypoints(t *testing.T) {
	source, faults := (&request{Files: map[string]string{
		"a.rego":   "package a\n\np := 1\n\nq := 2",
		"b.rego":   "package b\n\np := 1",
		"log.rego": "package system.log\n\nmask contains \"/input/password\"",
	}}).read(false)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	analysis, faults := analyse(source.Modules, source.Data)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, most := range []int{-5, 0, 2, 3} {
		got := analysis.paths(nil, most)
		want := []string{"system/log", "system/log/mask", "a"}[:max(2, most)]
		if !slices.Equal(got, want) {
			t.Errorf("at most %d: %v", most, got)
		}
	}
}
