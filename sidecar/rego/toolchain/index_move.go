package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

// split picks the field that tells most of the bodies apart, moves those, and goes on with the others.
func (x *indexer) split(entries []entry, used []string) (lookups []lookup, rest []entry) {
	rest = entries
	for len(rest) >= indexFrom {
		by, ok := choose(rest, used)
		if !ok {
			break
		}
		groups, left := group(rest, by, &x.spare)
		if len(rest)-len(left) < indexFrom/2 {
			break
		}
		lookups = append(lookups, x.move(groups, by, append(slices.Clone(used), by.name)))
		rest = left
	}
	return lookups, rest
}

// move makes a package for each value.
func (x *indexer) move(groups []valueGroup, by ask, used []string) lookup {
	found := lookup{by: by, number: strconv.Itoa(x.packages)}
	x.packages++
	if !slices.Contains(x.by, by.name) {
		x.by = append(x.by, by.name)
	}
	for n, g := range groups {
		x.groups++
		inner, rest := x.split(g.entries, used)
		first := g.entries[0]
		path := ast.Ref{ast.DefaultRootDocument, ast.StringTerm(indexRoot), ast.StringTerm(found.number), ast.StringTerm(g.value)}
		module := &ast.Module{Package: &ast.Package{Path: path, Location: first.resolved.Loc()}}
		module.SetRegoVersionSpan(x.modules[first.file].RegoVersionSpan())
		for _, l := range inner {
			module.Rules = append(module.Rules, l.rule(movedHead(first.resolved.Head), first.resolved.Loc()))
		}
		for _, e := range rest {
			moved := e.resolved.Copy()
			module.Rules = append(module.Rules, &ast.Rule{Head: movedHead(moved.Head), Body: moved.Body, Location: moved.Location})
		}
		for _, r := range module.Rules {
			r.Module = module
		}
		name := fmt.Sprintf("%s/%s/%d.rego", indexRoot, found.number, n)
		x.made = append(x.made, bundle.ModuleFile{URL: name, Path: name, RelativePath: name, Raw: []byte("package p\n"), Parsed: module})
	}
	return found
}

// movedHead makes any rule an element of a set: its value, its own element, or key and value of an object.
func movedHead(head *ast.Head) *ast.Head {
	element := head.Key
	if head.RuleKind() == ast.SingleValue {
		element = head.Value
		if _, key := prefixOf(head); key != nil {
			element = ast.ArrayTerm(key, head.Value).SetLocation(head.Location)
		}
	}
	name := ast.VarTerm(indexRule).SetLocation(head.Location)
	return &ast.Head{Name: indexRule, Reference: ast.Ref{name}, Key: element, Location: head.Location}
}

// reattach lets annotations of rules that have moved stand at the lookup, so that the manifest lists them as before.
func (x *indexer) reattach(moved map[*ast.Rule]bool, to *ast.Rule) {
	for i, file := range x.source.Modules {
		for _, r := range file.Parsed.Rules {
			if !moved[r] {
				continue
			}
			for _, a := range r.Annotations {
				// a rule has copies of what stands before it
				same := func(b *ast.Annotations) bool { return b.Scope == a.Scope && b.Location.Equal(a.Location) }
				if at := slices.IndexFunc(x.modules[i].Annotations, same); at >= 0 {
					x.modules[i].Annotations = slices.Delete(x.modules[i].Annotations, at, at+1)
					to.Module.Annotations = append(to.Module.Annotations, a.Copy(to))
				}
			}
		}
	}
}

// lookup is where one field's value leads to a package.
type lookup struct {
	by     ask
	number string
}

// rule gives the lookup as a body of a rule with that head.
//
// INVARIANT: what no package answers is looked for in the base documents, and those, being JSON, hold no sets.
func (l lookup) rule(like *ast.Head, at *ast.Location) *ast.Rule {
	const key, found, value = "countersign_key", "countersign_found", "countersign_value"
	from := l.by.ref.String()
	if l.by.member {
		from += "[_]"
	}
	body := ast.MustParseBodyWithOpts(
		fmt.Sprintf("%s := %s; %s := data.%s[%q][%s][%q]; is_set(%s); %s := %s[_]",
			key, from, found, indexRoot, l.number, key, indexRule, found, value, found),
		ast.ParserOptions{RegoVersion: ast.RegoV1})
	head := like.Copy()
	prefix, keyed := prefixOf(head)
	switch {
	case head.RuleKind() == ast.MultiValue:
		head.Key = ast.VarTerm(value)
	case keyed == nil:
		head.Value = ast.VarTerm(value)
	default:
		pair := func(index int) *ast.Term { return ast.RefTerm(ast.VarTerm(value), ast.IntNumberTerm(index)) }
		head.Reference = append(slices.Clone(prefix), pair(0))
		if head.Key != nil {
			head.Key = pair(0)
		}
		head.Value = pair(1)
	}
	r := &ast.Rule{Head: head, Body: body, Location: at}
	ast.WalkNodes(r, func(node ast.Node) bool {
		node.SetLoc(at)
		return false
	})
	return r
}
