package main

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

// withoutFunctions has rules that go through a package, `some k in data.lib` or `data.lib[k]`, go through its document,
// `[data.lib][0][k]`, where they could meet a function. OPA's planner calls these functions without arguments, which gives
// a module that can't be loaded, or one that fails where the input names a function; a document holds none, as in OPA's
// evaluator.
func (a *analysis) withoutFunctions(files []bundle.ModuleFile) {
	for _, file := range files {
		resolve := resolverOf(file.Parsed)
		for _, r := range file.Parsed.Rules {
			ast.NewGenericVisitor(func(x any) bool {
				switch x := x.(type) {
				case *ast.Annotations:
					return true
				case *ast.SomeDecl:
					for _, symbol := range x.Symbols {
						if call, in := symbol.Value.(ast.Call); in {
							a.asDocument(call[len(call)-1], resolve, ast.VarTerm("_"))
						}
					}
				case *ast.Term:
					a.asDocument(x, resolve)
				}
				return false
			}).Walk(r)
		}
	}
}

// resolver gives what a reference's first name stands for. A local variable of such a name is none the worse for what is
// made of it.
type resolver func(first *ast.Term) ast.Ref

func resolverOf(module *ast.Module) resolver {
	imports := map[ast.Var]ast.Ref{}
	for _, one := range module.Imports {
		if path, ok := one.Path.Value.(ast.Ref); ok {
			imports[one.Name()] = path
		}
	}
	return func(first *ast.Term) ast.Ref {
		name, named := first.Value.(ast.Var)
		path, imported := imports[name]
		switch {
		case !named || isRootName(name):
			return ast.Ref{first}
		case imported:
			return path
		default:
			return module.Package.Path.Append(ast.StringTerm(string(name)))
		}
	}
}

// asDocument makes the constant beginning of a reference a document, where the reference could meet a function. What is
// gone through besides comes after it.
func (a *analysis) asDocument(term *ast.Term, resolve resolver, through ...*ast.Term) {
	ref, ok := term.Value.(ast.Ref)
	if _, named := term.Value.(ast.Var); named && len(through) > 0 {
		ref, ok = ast.Ref{ast.NewTerm(term.Value)}, true
	}
	if !ok {
		return
	}
	first := resolve(ref[0])
	full := first.Concat(ref[1:]).Concat(through)
	if !full[0].Equal(ast.DefaultRootDocument) {
		return
	}
	constant := len(full.ConstantPrefix())
	if constant == len(full) || !meetsFunction(a.compiler.RuleTree.Find(full[:constant]), full[constant:]) {
		return
	}
	at := constant - len(first) + 1
	beginning := ref[0]
	if at > 1 {
		beginning = ast.NewTerm(ref[:at:at]).SetLocation(term.Location)
	}
	document := ast.Ref{ast.ArrayTerm(beginning).SetLocation(term.Location), ast.IntNumberTerm(0)}
	term.Value = document.Concat(ref[at:])
}

// meetsFunction says whether a function stands where a reference could lead from a node.
func meetsFunction(node *ast.TreeNode, ref ast.Ref) bool {
	if node == nil {
		return false
	}
	if len(node.Values) > 0 {
		return len(node.Values[0].Head.Args) > 0
	}
	if len(ref) == 0 {
		return false
	}
	if ast.IsConstant(ref[0].Value) {
		return meetsFunction(node.Child(ref[0].Value), ref[1:])
	}
	for _, child := range node.Children {
		if meetsFunction(child, ref[1:]) {
			return true
		}
	}
	return false
}
