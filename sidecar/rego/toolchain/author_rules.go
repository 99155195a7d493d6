package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
)

// ruleText is a rule as it is compared: formatted, so that neither layout nor place nor comments count.
type ruleText struct {
	Package string `json:"package"`
	Ref     string `json:"ref"`
	// custom.id of its METADATA
	ID   string `json:"id,omitempty"`
	File string `json:"file"`
	Row  int    `json:"row"`
	Test bool   `json:"test,omitempty"`
	// with the imports that it means by its names, before it
	Text        string             `json:"text"`
	Annotations []*ast.Annotations `json:"annotations,omitempty"`
}

type packageText struct {
	Package     string             `json:"package"`
	Annotations []*ast.Annotations `json:"annotations,omitempty"`
}

// authorRules gives the rules of a bundle's files, in the order of files and rows.
func authorRules(req *request) (any, []fault) {
	modules, faults := req.parse(true)
	if len(faults) > 0 {
		return nil, faults
	}
	rules, packages := []ruleText{}, []packageText{}
	for _, file := range sortedKeys(modules) {
		module := modules[file]
		place := module.Package.Path.String()
		about := packageText{Package: place}
		for _, one := range module.Annotations {
			if one.Scope == "package" || one.Scope == "subpackages" {
				about.Annotations = append(about.Annotations, one)
			}
		}
		packages = append(packages, about)
		for _, rule := range module.Rules {
			one := ruleText{
				Package: place, Ref: rule.Head.Ref().String(), File: file, Row: rule.Location.Row, Test: isTest(file),
				Annotations: rule.Annotations,
			}
			for _, notes := range rule.Annotations {
				if id, ok := notes.Custom["id"].(string); ok {
					one.ID = cmp.Or(one.ID, id)
				}
			}
			meant := importsOf(module, rule)
			// formatting writes places into the rule
			text, err := format.AstWithOpts(rule.Copy(), format.Opts{IgnoreLocations: true, RegoVersionSpan: module.RegoVersionSpan()})
			if err != nil {
				return nil, []fault{{Code: "format_error", Message: err.Error(), File: file, Row: one.Row}}
			}
			one.Text = meant + strings.TrimSpace(string(text)) + "\n"
			rules = append(rules, one)
		}
	}
	return map[string]any{"rules": rules, "packages": packages}, nil
}

// importsOf gives the imports whose names a rule uses.
func importsOf(module *ast.Module, rule *ast.Rule) string {
	names := map[ast.Var]bool{}
	ast.WalkVars(rule, func(name ast.Var) bool {
		names[name] = true
		return false
	})
	lines := []string{}
	for _, one := range module.Imports {
		path, ok := one.Path.Value.(ast.Ref)
		if !ok || path[0].Equal(ast.FutureRootDocument) || path[0].Equal(ast.RegoRootDocument) || !names[one.Name()] {
			continue
		}
		line := "import " + path.String()
		if one.Alias != "" {
			line += fmt.Sprintf(" as %s", one.Alias)
		}
		lines = append(lines, line+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
