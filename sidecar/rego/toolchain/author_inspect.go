package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	astjson "github.com/open-policy-agent/opa/v1/ast/json"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/util"
)

// inspectingFlags are the flags of `opa inspect`.
type inspectingFlags struct {
	Annotations bool `json:"annotations"`
	// what the host knows besides; part of the JSON
	Own json.RawMessage `json:"own"`
}

// inspection is what `opa inspect` prints.
type inspection struct {
	Manifest    *bundle.Manifest        `json:"manifest,omitempty"`
	Signatures  bundle.SignaturesConfig `json:"signatures_config"`
	WasmModules []map[string]any        `json:"wasm_modules,omitempty"`
	Namespaces  map[string][]string     `json:"namespaces,omitempty"`
	Annotations []*ast.AnnotationsRef   `json:"annotations,omitempty"`
	Required    *ast.Capabilities       `json:"capabilities,omitempty"`
	Own         json.RawMessage         `json:"countersign,omitempty"`
}

// authorInspect does what `opa inspect` does.
func authorInspect(req *request) (any, []fault) {
	found, err := req.inspect()
	if err != nil {
		return failed(err), nil
	}
	var out bytes.Buffer
	if req.JSON {
		found.Own = req.Own
		options := astjson.Options{}
		options.MarshalOptions.IncludeLocation.AnnotationsRef = req.Annotations
		astjson.SetOptions(options)
		defer astjson.SetOptions(astjson.Defaults())
		if err := writeJSON(&out, found); err != nil {
			return failed(err), nil
		}
	} else {
		found.draw(&out, req.Annotations)
	}
	return report{Out: out.String()}, nil
}

func (r *request) inspect() (*inspection, error) {
	t, err := r.tree()
	if err != nil {
		return nil, err
	}
	given := r.Paths[0]
	found := &inspection{Namespaces: map[string][]string{}}
	modules := map[string]*ast.Module{}
	load := r.loader(t, nil)
	note := func(module *ast.Module, file string) {
		place := module.Package.Path.String()
		found.Namespaces[place] = append(found.Namespaces[place], path.Clean(file))
	}
	if strings.HasSuffix(given, bundle.RegoExt) {
		files, err := load.All(r.Paths)
		if err != nil {
			return nil, err
		}
		for _, name := range util.KeysSorted(files.Modules) {
			one := files.Modules[name]
			note(one.Parsed, one.Name)
			modules[one.Name] = one.Parsed
		}
	} else {
		read, err := load.WithBundleLazyLoadingMode(true).AsBundle(given)
		if err != nil {
			return nil, err
		}
		found.Manifest = &read.Manifest
		found.WasmModules = []map[string]any{}
		for _, one := range read.Modules {
			note(one.Parsed, one.Path)
			modules[one.URL] = one.Parsed
		}
		if err := r.inspectFiles(t, given, found); err != nil {
			return nil, err
		}
		for _, one := range read.WasmModules {
			var entrypoints []string
			for _, ref := range one.Entrypoints {
				entrypoints = append(entrypoints, ref.String())
			}
			found.WasmModules = append(found.WasmModules, map[string]any{"url": one.URL, "path": one.Path, "entrypoints": entrypoints})
		}
	}
	if r.Annotations {
		set, errs := ast.BuildAnnotationSet(slices.Collect(maps.Values(modules)))
		if len(errs) > 0 {
			return nil, errs
		}
		flat := set.Flatten()
		if found.Manifest != nil {
			for _, resolver := range found.Manifest.WasmResolvers {
				at, err := ast.PtrRef(ast.DefaultRootDocument, resolver.Entrypoint)
				if err != nil {
					return nil, fmt.Errorf("failed to parse Wasm entrypoint in manifest: %s", err)
				}
				for _, one := range resolver.Annotations {
					ref := ast.NewAnnotationsRef(one)
					ref.Path, ref.Location = at, ast.NewLocation(nil, resolver.Module, 0, 0)
					flat = flat.Insert(ref)
				}
			}
		}
		found.Annotations = flat
	}
	compiler := ast.NewCompiler().WithAllowUndefinedFunctionCalls(true)
	if compiler.Compile(modules); compiler.Failed() {
		return nil, compiler.Errors
	}
	found.Required = compiler.Required
	return found, nil
}

// inspectFiles notes where data and compiled modules stand, and who signed.
func (r *request) inspectFiles(t tree, given string, found *inspection) error {
	type file struct{ inside, shown string }
	var data []file
	take := func(inside, shown string, body func() ([]byte, error)) error {
		switch name := path.Base(inside); {
		case strings.TrimPrefix(inside, "/") == bundle.SignaturesFile:
			text, err := body()
			if err != nil {
				return err
			}
			if err := util.NewJSONDecoder(bytes.NewReader(text)).Decode(&found.Signatures); err != nil {
				return fmt.Errorf("bundle load failed on signatures decode: %w", err)
			}
		case name == "data.json" || bundle.IsYAMLDataFile(inside):
			data = append(data, file{inside, shown})
		}
		return nil
	}
	if archive := t[placeOf(given)]; archive != nil && !archive.folder {
		files := bundle.NewTarballLoaderWithBaseURL(bytes.NewReader(archive.body), "")
		for {
			one, err := files.NextFile()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("bundle read failed: %w", err)
			}
			var body bytes.Buffer
			_, err = one.Read(&body, bundle.DefaultSizeLimitBytes+1)
			one.Close()
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			inside := path.Clean(one.Path())
			if err := take(inside, inside, func() ([]byte, error) { return body.Bytes(), nil }); err != nil {
				return err
			}
		}
	} else {
		root := path.Clean(given) + "/"
		if root == "./" {
			root = ""
		}
		for _, name := range util.KeysSorted(r.Files) {
			if inside, ok := strings.CutPrefix(path.Clean(name), root); ok {
				if err := take("/"+inside, path.Clean(name), func() ([]byte, error) { return []byte(r.Files[name]), nil }); err != nil {
					return err
				}
			}
		}
	}
	for _, one := range data {
		place := ast.DefaultRootDocument.String()
		if folder := strings.Trim(path.Dir(one.inside), "/"); folder != "" && folder != "." {
			place += "." + strings.ReplaceAll(folder, "/", ".")
		}
		found.Namespaces[place] = append(found.Namespaces[place], one.shown)
	}
	for _, resolver := range found.Manifest.WasmResolvers {
		place := "data." + strings.ReplaceAll(strings.TrimPrefix(resolver.Entrypoint, "/"), "/", ".")
		found.Namespaces[place] = append(found.Namespaces[place], resolver.Module)
	}
	return nil
}

func (i *inspection) draw(out io.Writer, annotations bool) {
	if m := i.Manifest; m != nil {
		rows := [][]string{}
		if m.RegoVersion != nil {
			rows = append(rows, []string{"Rego Version", strconv.Itoa(*m.RegoVersion)})
		}
		if m.Revision != "" {
			rows = append(rows, []string{"Revision", shorten(m.Revision, widestField)})
		}
		roots := util.Sorted(slices.Clone(*m.Roots))
		for _, root := range roots {
			if root != "" || len(roots) > 1 {
				rows = append(rows, []string{"Roots", shortenPath(root)})
			}
		}
		if len(m.Metadata) > 0 {
			rows = append(rows, []string{"Metadata", shorten(string(marshal(m.Metadata)), widestField)})
		}
		if len(rows) > 0 {
			fmt.Fprintln(out, "MANIFEST:")
			drawTable(out, []string{"FIELD", "VALUE"}, merged(rows), false)
		}
	}
	rows := [][]string{}
	for _, place := range util.KeysSorted(i.Namespaces) {
		for _, file := range i.Namespaces[place] {
			rows = append(rows, []string{place, shortenPath(file)})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(out, "NAMESPACES:")
		drawTable(out, []string{"NAMESPACE", "FILE"}, merged(rows), false)
	}
	if annotations && len(i.Annotations) > 0 {
		fmt.Fprintln(out, "ANNOTATIONS:")
		for _, ref := range i.Annotations {
			drawAnnotations(out, ref)
		}
	}
}

func drawAnnotations(out io.Writer, ref *ast.AnnotationsRef) {
	a := ref.Annotations
	if a == nil {
		a = &ast.Annotations{}
	}
	title := strings.TrimSpace(a.Title)
	if title == "" {
		title = withoutData(ref.Path).String()
	}
	fmt.Fprintf(out, "%s\n%s\n\n", title, strings.Repeat("=", min(len(title), widestPage)))
	if a.Description != "" {
		fmt.Fprintf(out, "%s\n\n", a.Description)
	}
	if p := ref.GetPackage(); p != nil {
		fmt.Fprintln(out, "Package: ", withoutData(p.Path))
	}
	if rule := ref.GetRule(); rule != nil {
		fmt.Fprintln(out, "Rule:    ", rule.Head.Ref().String())
	}
	if ref.Location != nil {
		fmt.Fprintln(out, "Location:", ref.Location.String())
	}
	if a.Scope != "" {
		fmt.Fprintln(out, "Scope:", a.Scope)
	}
	if a.Entrypoint {
		fmt.Fprintln(out, "Entrypoint:", a.Entrypoint)
	}
	fmt.Fprintln(out)
	oneLine := func(text string) string { return strings.ReplaceAll(text, "\n", " ") }
	list := func(name, separator string, rows [][2]string) {
		if len(rows) == 0 {
			return
		}
		widest := 0
		for _, row := range rows {
			widest = max(widest, len(row[0]))
		}
		fmt.Fprintln(out, name+":")
		for _, row := range rows {
			line := " " + row[0]
			if row[1] != "" {
				line += separator + strings.Repeat(" ", widest-len(row[0])) + row[1]
			}
			fmt.Fprintln(out, shorten(line, widestPage))
		}
		fmt.Fprintln(out)
	}
	var organizations, authors, schemas, related, custom [][2]string
	for _, one := range a.Organizations {
		organizations = append(organizations, [2]string{oneLine(one)})
	}
	for _, one := range a.Authors {
		authors = append(authors, [2]string{oneLine(one.String())})
	}
	for _, one := range a.Schemas {
		value := ""
		if len(one.Schema) > 0 {
			value = one.Schema.String()
		} else if one.Definition != nil {
			value = string(marshal(one.Definition))
		}
		schemas = append(schemas, [2]string{one.Path.String(), value})
	}
	for _, one := range a.RelatedResources {
		related = append(related, [2]string{oneLine(one.Ref.String()), one.Description})
	}
	for _, key := range util.KeysSorted(a.Custom) {
		custom = append(custom, [2]string{key, string(marshal(a.Custom[key]))})
	}
	list("Organizations", "", organizations)
	list("Authors", "", authors)
	list("Schemas", ": ", schemas)
	list("Related Resources", " ", related)
	list("Custom", ": ", custom)
}

func withoutData(ref ast.Ref) ast.Ref {
	if len(ref) <= 1 {
		return ast.EmptyRef()
	}
	out := ref[1:].Copy()
	if head, ok := out[0].Value.(ast.String); ok {
		out[0].Value = ast.Var(head)
	}
	return out
}
