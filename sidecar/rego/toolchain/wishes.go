package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

// wish is what METADATA's custom.cache wants of the decision cache.
type wish struct {
	// longest life, seconds; 0: never kept
	TTL *float64 `json:"ttl,omitempty"`
	// who may share a result
	Scope *string `json:"scope,omitempty"`
}

const longestTTL = 365 * 24 * 60 * 60

var (
	scopes = []string{"tenant", "subject", "task"}
	// what stands nearer to the entrypoint comes first
	nearness = []string{"rule", "document", "package", "subpackages"}
)

// wishes holds them by where they were said.
type wishes struct {
	said map[string]map[string]wish
	// packages of rules, by path of the rule
	packages map[string]string
}

// wishesOf reads custom.cache, wherever it stands: each rule may be asked for.
func wishesOf(modules []*ast.Module, annotations *ast.AnnotationSet) (*wishes, []fault) {
	w := &wishes{said: map[string]map[string]wish{}, packages: map[string]string{}}
	for _, module := range modules {
		path := pathOf(module.Package.Path)
		w.packages[path] = path
		for _, rule := range module.Rules {
			w.packages[pathOf(rule.Ref().GroundPrefix())] = path
		}
	}
	var faults []fault
	for _, found := range annotations.Flatten() {
		raw, has := found.Annotations.Custom["cache"]
		if !has {
			continue
		}
		one, err := readWish(raw)
		path := pathOf(found.Path)
		at := w.said[path]
		if at == nil {
			at = map[string]wish{}
			w.said[path] = at
		}
		other, twice := at[found.Annotations.Scope]
		if err == nil && twice && string(marshal(other)) != string(marshal(one)) {
			err = fmt.Errorf("another rule at %s says something else: say it once, with scope document", path)
		}
		if err != nil {
			place := found.Annotations.Location
			faults = append(faults, fault{
				Code: "cache_metadata", Message: "custom.cache: " + err.Error(),
				File: clean(place.File), Row: place.Row, Col: place.Col,
			})
		}
		at[found.Annotations.Scope] = one
	}
	return w, faults
}

func readWish(raw any) (wish, error) {
	const form = `write "cache: {ttl: 30}", "cache: {scope: subject}", or both`
	text, err := json.Marshal(raw)
	if err != nil {
		return wish{}, errors.New(form)
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || len(members) == 0 {
		return wish{}, errors.New(form)
	}
	for name, member := range members {
		if name != "ttl" && name != "scope" {
			return wish{}, fmt.Errorf("%s isn't known; %s", name, form)
		}
		if bytes.Equal(member, []byte("null")) {
			return wish{}, fmt.Errorf("%s has no value; %s", name, form)
		}
	}
	var out wish
	if ttl, has := members["ttl"]; has && (json.Unmarshal(ttl, &out.TTL) != nil || *out.TTL < 0 || *out.TTL > longestTTL) {
		return wish{}, fmt.Errorf("ttl must be seconds, 0 (never kept) to %d (a year)", longestTTL)
	}
	if scope, has := members["scope"]; has && (json.Unmarshal(scope, &out.Scope) != nil || !slices.Contains(scopes, *out.Scope)) {
		return wish{}, fmt.Errorf("scope must be one of %s", strings.Join(scopes, ", "))
	}
	return out, nil
}

// of gives what is wanted for an entrypoint: ttl and scope each from the nearest place that says it.
func (w *wishes) of(path string) *wish {
	if w == nil {
		return nil
	}
	home, known := w.packages[path]
	if !known {
		home = path
	}
	var out wish
	take := func(from string, scope string) {
		one := w.said[from][scope]
		if out.TTL == nil {
			out.TTL = one.TTL
		}
		if out.Scope == nil {
			out.Scope = one.Scope
		}
	}
	for _, scope := range nearness[:2] {
		take(path, scope)
	}
	take(home, nearness[2])
	for above := home; ; above = above[:strings.LastIndex(above, "/")] {
		take(above, nearness[3])
		if !strings.Contains(above, "/") {
			break
		}
	}
	if out == (wish{}) {
		return nil
	}
	return &out
}

// checkWishes tells what is wrong with custom.cache in files that aren't built.
func checkWishes(modules []*ast.Module) []fault {
	annotations, errs := ast.BuildAnnotationSet(modules)
	if len(errs) > 0 {
		return faultsOf(errs)
	}
	_, faults := wishesOf(modules, annotations)
	return faults
}

func parsedOf(files []bundle.ModuleFile) []*ast.Module {
	out := make([]*ast.Module, 0, len(files))
	for _, file := range files {
		out = append(out, file.Parsed)
	}
	return out
}
