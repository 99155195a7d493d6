package main

import (
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing/fstest"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
)

// fault is an error that an author can find: file, row and column where they are known.
type fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	File    string `json:"file,omitempty"`
	Row     int    `json:"row,omitempty"`
	Col     int    `json:"col,omitempty"`
}

func faultsOf(err error) []fault {
	var many ast.Errors
	var one *ast.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &many):
		if len(many) == 0 {
			return nil
		}
		out := make([]fault, 0, len(many))
		for _, e := range many {
			out = append(out, faultOf(e))
		}
		return out
	case errors.As(err, &one):
		return []fault{faultOf(one)}
	default:
		return []fault{bundleFault(err)}
	}
}

var brokenFile = regexp.MustCompile(`bundle load failed on (\S+): `)

// bundleFault names what is wrong with a bundle. OPA tells it by text only.
func bundleFault(err error) fault {
	text := err.Error()
	f := fault{Code: "bundle_error", Message: text}
	switch {
	case strings.HasPrefix(text, "manifest roots "):
		f.Code = "roots_violated"
		if _, module, found := strings.Cut(text, " in module '"); found {
			f.File = clean(strings.TrimSuffix(module, "'"))
		}
	case strings.HasPrefix(text, "manifest has "), strings.HasPrefix(text, "bundle load failed on manifest "),
		strings.HasPrefix(text, "failed to compile glob pattern "):
		f.Code, f.File = "bundle_manifest", ".manifest"
	case strings.HasPrefix(text, "bundle load failed on "):
		f.Code = "bundle_data"
		if match := brokenFile.FindStringSubmatch(text); match != nil {
			f.File = clean(match[1])
		}
	}
	return f
}

func faultOf(e *ast.Error) fault {
	f := fault{Code: e.Code, Message: e.Message}
	if e.Location != nil {
		f.File, f.Row, f.Col = clean(e.Location.File), e.Location.Row, e.Location.Col
	}
	return f
}

// clean drops the slash that OPA's bundle reader puts before a path.
func clean(path string) string { return strings.TrimPrefix(path, "/") }

func (r *request) version() ast.RegoVersion {
	if r.RegoVersion != nil && *r.RegoVersion == 0 {
		return ast.RegoV0
	}
	return ast.RegoV1
}

// capabilities are this OPA's, with the keywords that it tries out where they are asked for.
func (r *request) capabilities() *ast.Capabilities {
	if r.Experimental {
		return experimental()
	}
	return regular()
}

var (
	regular      = sync.OnceValue(func() *ast.Capabilities { return ast.CapabilitiesForThisVersion() })
	experimental = sync.OnceValue(func() *ast.Capabilities {
		return ast.CapabilitiesForThisVersion(ast.CapabilitiesExperimentalKeywords(true))
	})
)

func isTest(path string) bool { return strings.HasSuffix(path, "_test.rego") }

// withoutTests gives what a build sees.
func withoutTests(modules map[string]*ast.Module) map[string]*ast.Module {
	out := maps.Clone(modules)
	maps.DeleteFunc(out, func(path string, _ *ast.Module) bool { return isTest(path) })
	return out
}

func isData(path string) bool {
	name := path[strings.LastIndex(path, "/")+1:]
	return name == "data.json" || name == "data.yaml" || name == "data.yml"
}

// parse reads the Rego files; all their errors are gathered.
func (r *request) parse(withTests bool) (map[string]*ast.Module, []fault) {
	modules := map[string]*ast.Module{}
	var faults []fault
	versionOf := r.versions()
	for path, text := range r.Files {
		if !strings.HasSuffix(path, ".rego") || (isTest(path) && !withTests) {
			continue
		}
		module, err := ast.ParseModuleWithOpts(path, text, ast.ParserOptions{
			ProcessAnnotation: true,
			RegoVersion:       versionOf(path),
			Capabilities:      r.capabilities(),
		})
		if err != nil {
			faults = append(faults, faultsOf(err)...)
		} else if module != nil {
			modules[path] = module
		}
	}
	sortFaults(faults)
	return modules, faults
}

// versions tells each file's version of Rego: as the manifest says, else as the request does.
func (r *request) versions() func(path string) ast.RegoVersion {
	var manifest bundle.Manifest
	if json.Unmarshal([]byte(r.Files[".manifest"]), &manifest) != nil {
		return func(string) ast.RegoVersion { return r.version() }
	}
	return func(path string) ast.RegoVersion {
		version, err := manifest.RegoVersionForFile("/" + path)
		if err != nil || version == ast.RegoUndefined {
			return r.version()
		}
		return version
	}
}

func sortFaults(faults []fault) {
	slices.SortStableFunc(faults, func(a, b fault) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return a.Row - b.Row
	})
}

// read gives the files as OPA reads a bundle: manifest, roots, data with its numbers kept, modules.
func (r *request) read(withTests bool) (*bundle.Bundle, []fault) {
	files := fstest.MapFS{}
	for path, text := range r.Files {
		if isTest(path) && !withTests {
			continue
		}
		if strings.HasSuffix(path, ".rego") || isData(path) || path == ".manifest" {
			files[path] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	loader, err := bundle.NewFSLoader(files)
	if err != nil {
		return nil, faultsOf(err)
	}
	read, err := bundle.NewCustomReader(loader).
		WithProcessAnnotations(true).
		WithRegoVersion(r.version()).
		WithCapabilities(r.capabilities()).
		WithSkipBundleVerification(true).
		Read()
	if err != nil {
		// OPA stops at the first file that it can't read; all errors are wanted
		if _, faults := r.parse(withTests); len(faults) > 0 {
			return nil, faults
		}
		return nil, faultsOf(err)
	}
	return &read, nil
}

// data gives what all data files hold, as one text: a host that parsed it would lose digits.
func data(req *request) (any, []fault) {
	read, faults := req.read(false)
	if len(faults) > 0 {
		return nil, faults
	}
	return map[string]string{"data_text": string(marshal(orEmpty(read.Data)))}, nil
}

// yamlData gives what the YAML data files hold.
func (r *request) yamlData() (map[string]any, []fault) {
	only := request{Files: map[string]string{}}
	for path, text := range r.Files {
		if isData(path) && !strings.HasSuffix(path, ".json") {
			only.Files[path] = text
		}
	}
	read, faults := only.read(false)
	if len(faults) > 0 {
		return nil, faults
	}
	return read.Data, nil
}
