// Command cases writes OPA's own test cases, which come with its module, as one JSON document per line.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/test/cases"
)

// line is a case as it stands in OPA's file, and what JavaScript couldn't make of it.
type line struct {
	cases.TestCase
	Version   string  `json:"version"`
	Category  string  `json:"category"`
	File      string  `json:"file"`
	InputText *string `json:"input_text,omitempty"`
}

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write() error {
	found, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/open-policy-agent/opa").Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	root := filepath.Join(strings.TrimSpace(string(found)), "v1", "test", "cases", "testdata")
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for _, version := range []string{"v0", "v1"} {
		set, err := cases.Load(filepath.Join(root, version))
		if err != nil {
			return err
		}
		for _, one := range set.Cases {
			file, err := filepath.Rel(filepath.Join(root, version), one.Filename)
			if err != nil {
				return err
			}
			l := line{TestCase: one, Version: version, File: filepath.ToSlash(file)}
			l.Category, _, _ = strings.Cut(l.File, "/")
			if one.InputTerm != nil {
				term, err := ast.ParseTerm(*one.InputTerm)
				if err != nil {
					return fmt.Errorf("%s: %w", one.Note, err)
				}
				text := term.String()
				l.InputText = &text
			}
			if err := encoder.Encode(l); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}
