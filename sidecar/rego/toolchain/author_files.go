package main

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/loader"
)

// authoring is what a request of an author's command says besides.
type authoring struct {
	// as the author gave them; the files stand under these names
	Paths []string `json:"paths"`
	// files that aren't text, base64
	Archives map[string]string `json:"archives"`
	AsBundle bool              `json:"as_bundle"`
	Ignore   []string          `json:"ignore"`
	// a capabilities.json, or the name of one of OPA's versions
	Capabilities string `json:"capabilities"`
	// JSON Schemas: of the input under "", else by their path without its ending
	Schemas   map[string]any `json:"schemas"`
	MaxErrors *int           `json:"max_errors"`
	// rego_version 0 as far as it is 1, too
	Both bool `json:"v0_v1"`
	testingFlags
	evaluatingFlags
	inspectingFlags
	formattingFlags
	buildingFlags
}

// tree holds an author's files by the names that the author gave them, which may lead out of the folder of the command.
type tree map[string]*node

type node struct {
	name    string
	body    []byte
	folder  bool
	entries []fs.DirEntry
}

func (n *node) Name() string               { return n.name }
func (n *node) Size() int64                { return int64(len(n.body)) }
func (n *node) ModTime() time.Time         { return time.Time{} }
func (n *node) IsDir() bool                { return n.folder }
func (n *node) Sys() any                   { return nil }
func (n *node) Type() fs.FileMode          { return n.Mode().Type() }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }
func (n *node) Mode() fs.FileMode {
	if n.folder {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

type opened struct {
	*node
	*bytes.Reader
}

func (o opened) Stat() (fs.FileInfo, error) { return o.node, nil }
func (o opened) Close() error               { return nil }
func (o opened) Size() int64                { return o.node.Size() }

func placeOf(name string) string {
	return strings.TrimPrefix(path.Clean(name), "/")
}

// tree gives the request's files as a file system.
func (r *request) tree() (tree, error) {
	t := tree{}
	for name, text := range r.Files {
		t.add(placeOf(name), []byte(text))
	}
	for name, text := range r.Archives {
		body, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		t.add(placeOf(name), body)
	}
	for _, given := range r.Paths {
		if _, name := loader.SplitPrefix(given); strings.HasSuffix(name, "/") || len(r.Files)+len(r.Archives) == 0 {
			t.folder(placeOf(name))
		}
	}
	for _, one := range t {
		slices.SortFunc(one.entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
	return t, nil
}

func (t tree) add(place string, body []byte) {
	file := &node{name: path.Base(place), body: body}
	t[place] = file
	above := t.folder(path.Dir(place))
	above.entries = append(above.entries, file)
}

func (t tree) folder(place string) *node {
	if known := t[place]; known != nil {
		return known
	}
	made := &node{name: path.Base(place), folder: true}
	t[place] = made
	if above := path.Dir(place); above != place {
		parent := t.folder(above)
		parent.entries = append(parent.entries, made)
	}
	return made
}

func (t tree) find(op, name string) (*node, error) {
	if found := t[placeOf(name)]; found != nil {
		return found, nil
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

func (t tree) Open(name string) (fs.File, error) {
	found, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	return opened{found, bytes.NewReader(found.body)}, nil
}

func (t tree) Stat(name string) (fs.FileInfo, error) { return t.find("stat", name) }

func (t tree) ReadDir(name string) ([]fs.DirEntry, error) {
	found, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	return found.entries, nil
}

func (t tree) ReadFile(name string) ([]byte, error) {
	found, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	return found.body, nil
}

// filter leaves out what the author ignores, and what isn't Rego where only that is asked for.
func (r *request) filter(onlyRego bool) loader.Filter {
	return func(name string, info fs.FileInfo, depth int) bool {
		if onlyRego && !info.IsDir() && path.Ext(info.Name()) != ".rego" {
			return true
		}
		return slices.ContainsFunc(r.Ignore, func(pattern string) bool {
			return loader.GlobExcludeName(pattern, 1)(name, info, depth)
		})
	}
}
