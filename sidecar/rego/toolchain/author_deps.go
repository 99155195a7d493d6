package main

import (
	"bytes"
	"io"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	opadeps "github.com/open-policy-agent/opa/v1/dependencies"
)

// dependent is what `opa deps` prints.
type dependent struct {
	Base    []ast.Ref `json:"base,omitempty"`
	Virtual []ast.Ref `json:"virtual,omitempty"`
}

// authorDeps does what `opa deps` does.
func authorDeps(req *request) (any, []fault) {
	query, err := ast.ParseBody(req.Query)
	if err != nil {
		return failed(err), nil
	}
	all := *req
	all.Paths = append(slices.Clone(req.Paths), req.Bundles...)
	t, err := all.tree()
	if err != nil {
		return failed(err), nil
	}
	modules := map[string]*ast.Module{}
	if len(req.Paths) > 0 {
		found, err := req.loader(t, nil).Filtered(req.Paths, req.filter(false))
		if err != nil {
			return failed(err), nil
		}
		modules = found.ParsedModules()
	}
	for _, given := range req.Bundles {
		one, err := req.loader(t, nil).AsBundle(given)
		if err != nil {
			return failed(err), nil
		}
		maps.Copy(modules, one.ParsedModules(given))
	}
	compiler := ast.NewCompiler()
	if compiler.Compile(modules); compiler.Failed() {
		return failed(compiler.Errors), nil
	}
	base, err := opadeps.Base(compiler, query)
	if err != nil {
		return failed(err), nil
	}
	virtual, err := opadeps.Virtual(compiler, query)
	if err != nil {
		return failed(err), nil
	}
	found := dependent{base, virtual}
	var out bytes.Buffer
	if req.JSON {
		if err := writeJSON(&out, found); err != nil {
			return failed(err), nil
		}
	} else {
		found.draw(&out)
	}
	return report{Out: out.String()}, nil
}

func (d dependent) draw(out io.Writer) {
	var header []string
	var columns [][]ast.Ref
	if len(d.Base) > 0 {
		header, columns = append(header, "BASE DOCUMENTS"), append(columns, d.Base)
	}
	if len(d.Virtual) > 0 {
		header, columns = append(header, "VIRTUAL DOCUMENTS"), append(columns, d.Virtual)
	}
	rows := make([][]string, max(len(d.Base), len(d.Virtual)))
	for i := range rows {
		for _, column := range columns {
			text := ""
			if i < len(column) {
				text = column[i].String()
			}
			rows[i] = append(rows[i], text)
		}
	}
	if len(rows) > 0 {
		drawTable(out, header, rows, false)
	}
}
