package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/loader"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// shownError is an error as OPA's commands print it.
type shownError struct {
	Message  string             `json:"message"`
	Code     string             `json:"code,omitempty"`
	Location *ast.Location      `json:"location,omitempty"`
	Details  any                `json:"details,omitempty"`
	Trace    topdown.StackTrace `json:"stack_trace,omitempty"`
	text     string
}

func shownErrors(err error) []shownError {
	var out []shownError
	switch e := err.(type) {
	case nil:
	case *ast.Error:
		out = []shownError{{e.Message, e.Code, e.Location, e.Details, nil, e.Error()}}
	case *topdown.Error:
		out = []shownError{{e.Message, e.Code, e.Location, nil, e.StackTrace, e.Error()}}
	case ast.Errors:
		for _, one := range e {
			out = append(out, shownErrors(one)...)
		}
	case rego.Errors:
		for _, one := range e {
			out = append(out, shownErrors(one)...)
		}
	case loader.Errors:
		for _, one := range e {
			out = append(out, shownErrors(one)...)
		}
	default:
		if inner, ok := err.(interface{ Unwrap() error }); ok {
			found := shownErrors(inner.Unwrap())
			if slices.ContainsFunc(found, func(one shownError) bool { return one.Code != "" }) {
				return found
			}
		}
		one := shownError{Message: err.Error(), text: err.Error()}
		if detailed, ok := err.(rego.ErrorDetails); ok {
			one.Details = strings.Join(detailed.Lines(), "\n")
		}
		out = []shownError{one}
	}
	return out
}

func drawShownErrors(errs []shownError) string {
	lines := []string{}
	for _, one := range errs {
		lines = append(lines, one.text)
		if details, ok := one.Details.(string); ok {
			lines = append(lines, details)
		}
		if len(one.Trace) > 0 {
			lines = append(lines, "\nTraceback:\n"+one.Trace.String())
		}
	}
	head := "1 error occurred: "
	if len(errs) != 1 {
		head = fmt.Sprintf("%d errors occurred:\n", len(errs))
	}
	return head + strings.Join(lines, "\n")
}
