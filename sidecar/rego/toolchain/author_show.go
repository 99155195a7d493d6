package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// show prints as `opa eval --format …` does.
func (e *evaluation) show(req *request, out, errs io.Writer) error {
	switch req.Format {
	case "pretty":
		return e.showPretty(req, out, errs)
	case "discard":
		return e.showDiscarded(out)
	case "bindings", "values", "source", "raw":
	default:
		return writeJSON(out, e)
	}
	if e.Errors != nil {
		fmt.Fprintln(errs, drawShownErrors(e.Errors))
		return nil
	}
	if req.Format == "source" {
		return e.showSource(out)
	}
	for _, result := range e.Result {
		values := make([]any, len(result.Expressions))
		texts := make([]string, len(result.Expressions))
		for i, expression := range result.Expressions {
			values[i] = expression.Value
			if text, ok := expression.Value.(string); ok {
				texts[i] = text
			} else {
				texts[i] = string(marshal(expression.Value))
			}
		}
		var err error
		switch req.Format {
		case "bindings":
			err = writeJSON(out, result.Bindings)
		case "values":
			err = writeJSON(out, values)
		default:
			_, err = fmt.Fprintln(out, strings.Join(texts, " "))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *evaluation) showDiscarded(out io.Writer) error {
	var all map[string]any
	if err := json.Unmarshal(marshal(e), &all); err != nil {
		return err
	}
	if all["result"] != nil {
		all["result"] = "discarded"
	}
	return writeJSON(out, all)
}

func (e *evaluation) showSource(out io.Writer) error {
	for i, query := range e.Partial.Queries {
		text, err := format.AstWithOpts(query, format.Opts{IgnoreLocations: true})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "# Query %d\n%s\n", i+1, text)
	}
	for i, module := range e.Partial.Support {
		text, err := format.AstWithOpts(module, format.Opts{IgnoreLocations: true, RegoVersionSpan: module.RegoVersionSpan()})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "# Module %d\n%s", i+1, text)
	}
	return nil
}

func (e *evaluation) showPretty(req *request, out, errs io.Writer) error {
	if len(e.Explanation) > 0 {
		topdown.PrettyTraceWithOpts(out, e.Explanation, topdown.PrettyTraceOptions{Locations: true, ExprVariables: req.VarValues})
	}
	switch {
	case e.Errors != nil:
		fmt.Fprintln(errs, drawShownErrors(e.Errors))
	case len(e.Result) == 0 && (e.Partial == nil || len(e.Partial.Queries) == 0):
		fmt.Fprintln(out, "undefined")
	case e.Result != nil:
		if err := showResult(out, e.Result); err != nil {
			return err
		}
	default:
		if err := showPartial(out, e.Partial); err != nil {
			return err
		}
	}
	if e.Metrics != nil {
		showMetrics(out, e.Metrics)
	}
	if len(e.Profile) > 0 {
		rows := [][]string{}
		for _, one := range e.Profile {
			rows = append(rows, append([]string{time.Duration(one.ExprTimeNs).String()},
				counts(one.NumEval, one.NumRedo, one.NumGenExpr, one.Location)...))
		}
		drawTable(out, []string{"Time", "Num Eval", "Num Redo", "Num Gen Expr", "Location"}, rows, false)
	}
	if len(e.AggregatedMetrics) > 0 {
		rows := [][]string{}
		for _, name := range sortedKeys(e.AggregatedMetrics) {
			row := []string{name}
			for _, key := range statistics {
				row = append(row, fmt.Sprint(e.AggregatedMetrics[name].(map[string]any)[key]))
			}
			rows = append(rows, row)
		}
		drawTable(out, []string{"Metric", "Min", "Max", "Mean", "90%", "99%"}, rows, false)
	}
	if len(e.AggregatedProfile) > 0 {
		rows := [][]string{}
		for _, one := range e.AggregatedProfile {
			row := []string{}
			for _, key := range statistics {
				switch took := one.ExprTimeNsStats.(map[string]any)[key].(type) {
				case float64:
					row = append(row, time.Duration(took).String())
				case int64:
					row = append(row, time.Duration(took).String())
				}
			}
			rows = append(rows, append(row, counts(one.NumEval, one.NumRedo, one.NumGenExpr, one.Location)...))
		}
		drawTable(out, []string{"Min", "Max", "Mean", "90%", "99%", "Num Eval", "Num Redo", "Num Gen Expr", "Location"}, rows, false)
	}
	if e.Coverage != nil {
		drawTable(out, nil, [][]string{{"Overall Coverage", fmt.Sprintf("%.02f", e.Coverage.Coverage)}}, false)
	}
	return nil
}

var statistics = []string{"min", "max", "mean", "90%", "99%"}

func counts(evals, redos, expressions int, at *ast.Location) []string {
	return []string{strconv.Itoa(evals), strconv.Itoa(redos), strconv.Itoa(expressions), at.String()}
}

// showMetrics lists them by name.
func showMetrics(out io.Writer, measured metrics.Metrics) {
	rows := [][]string{}
	for name, value := range measured.All() {
		parts, ok := value.(map[string]any)
		if !ok {
			rows = append(rows, []string{name, fmt.Sprint(value)})
		}
		for part, value := range parts {
			rows = append(rows, []string{name + "_" + part, fmt.Sprint(value)})
		}
	}
	slices.SortFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	if len(rows) > 0 {
		drawTable(out, []string{"Metric", "Value"}, rows, false)
	}
}

// showResult prints a value, or a table of variables and of expressions that aren't conditions.
func showResult(out io.Writer, set rego.ResultSet) error {
	first := set[0]
	conditions := !slices.ContainsFunc(first.Expressions, func(one *rego.ExpressionValue) bool { return !isBool(one.Value) })
	if len(set) == 1 && len(first.Bindings) == 0 && (len(first.Expressions) == 1 || conditions) {
		return writeJSON(out, first.Expressions[0].Value)
	}
	header, rows := []string{}, make([][]string, len(set))
	column := func(name string, value func(rego.Result) any) {
		header = append(header, name)
		for i, result := range set {
			rows[i] = append(rows[i], string(marshal(value(result))))
		}
	}
	for i, expression := range first.Expressions {
		if !isBool(expression.Value) || len(first.Bindings) == 0 {
			column(expression.Text, func(result rego.Result) any { return result.Expressions[i].Value })
		}
	}
	for _, name := range sortedKeys(first.Bindings) {
		column(name, func(result rego.Result) any { return result.Bindings[name] })
	}
	drawTable(out, header, rows, false)
	return nil
}

func isBool(value any) bool {
	_, ok := value.(bool)
	return ok
}

func showPartial(out io.Writer, found *rego.PartialQueries) error {
	rows := [][]string{}
	add := func(name string, i int, node any, span ast.RegoVersionSpan) error {
		text, err := format.AstWithOpts(node, format.Opts{IgnoreLocations: true, RegoVersionSpan: span})
		if err != nil {
			return fmt.Errorf("format error: %w", err)
		}
		shown := strings.Trim(strings.ReplaceAll(string(text), "\t", "  "), "\n")
		rows = append(rows, []string{fmt.Sprintf("%s %d", name, i+1), shown})
		return nil
	}
	for i, query := range found.Queries {
		if err := add("Query", i, query, ast.RegoVersionSpanOf(ast.DefaultRegoVersion)); err != nil {
			return err
		}
	}
	for i, module := range found.Support {
		if err := add("Support", i, module, module.RegoVersionSpan()); err != nil {
			return err
		}
	}
	drawTable(out, nil, rows, true)
	return nil
}

// renumber gives each expression a row of its own, so that the formatter leaves no empty lines.
func renumber(found *rego.PartialQueries) {
	if found == nil {
		return
	}
	row := 0
	each := ast.NewGenericVisitor(func(x any) bool {
		if expr, ok := x.(*ast.Expr); ok {
			at := ast.NewLocation(nil, "", row, 1)
			if expr.Location != nil {
				copied := *expr.Location
				copied.Row = row
				at = &copied
			}
			expr.Location = at
			row++
		}
		return false
	})
	for _, query := range found.Queries {
		each.Walk(query)
	}
	for _, module := range found.Support {
		each.Walk(module)
	}
}
