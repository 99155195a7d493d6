package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/profiler"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/builtins"
	"github.com/open-policy-agent/opa/v1/topdown/lineage"
	"github.com/open-policy-agent/opa/v1/util"
	"github.com/open-policy-agent/opa/v1/version"
)

// evaluatingFlags are the flags of `opa eval`.
type evaluatingFlags struct {
	// read as bundles, while paths are read as data
	Bundles []string `json:"bundles"`
	// JSON or YAML
	InputText        *string  `json:"input_text"`
	Format           string   `json:"format"`
	Package          string   `json:"package"`
	Imports          []string `json:"imports"`
	Partial          bool     `json:"partial"`
	Unknowns         []string `json:"unknowns"`
	DisableInlining  []string `json:"disable_inlining"`
	ShallowInlining  bool     `json:"shallow_inlining"`
	Nondeterministic bool     `json:"nondeterministic_builtins"`
	DisableIndexing  bool     `json:"disable_indexing"`
	DisableEarlyExit bool     `json:"disable_early_exit"`
	StrictErrors     bool     `json:"strict_builtin_errors"`
	ShowErrors       bool     `json:"show_builtin_errors"`
	Metrics          bool     `json:"metrics"`
	Instrument       bool     `json:"instrument"`
	Profile          bool     `json:"profile"`
	ProfileSort      []string `json:"profile_sort"`
	ProfileLimit     int      `json:"profile_limit"`
	ReadAST          bool     `json:"read_ast"`
}

// evaluation is what `opa eval` prints.
type evaluation struct {
	Errors            []shownError                   `json:"errors,omitempty"`
	Result            rego.ResultSet                 `json:"result,omitempty"`
	Partial           *rego.PartialQueries           `json:"partial,omitempty"`
	Metrics           metrics.Metrics                `json:"metrics,omitempty"`
	AggregatedMetrics map[string]any                 `json:"aggregated_metrics,omitempty"`
	Explanation       []*topdown.Event               `json:"explanation,omitempty"`
	Profile           []profiler.ExprStats           `json:"profile,omitempty"`
	AggregatedProfile []profiler.ExprStatsAggregated `json:"aggregated_profile,omitempty"`
	Coverage          *cover.Report                  `json:"coverage,omitempty"`
}

type evaluated struct {
	report
	Defined bool `json:"defined"`
}

// wrong is an error of what the author gave besides policies: text, and OPA's exit code for it.
func wrong(text string) evaluated {
	return evaluated{report: report{Err: text + "\n", Exit: 2}}
}

// authorEval does what `opa eval` does.
func authorEval(req *request) (any, []fault) {
	ctx := context.Background()
	if req.TimeoutMs > 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(req.TimeoutMs)*time.Millisecond)
		defer cancel()
		ctx = limited
	}
	if err := req.checkUnknowns(); err != nil {
		return wrong(err.Error()), nil
	}
	var out, errs bytes.Buffer
	options, failure := req.evalOptions(&errs)
	if failure != "" {
		return wrong(failure), nil
	}
	loaded, err := req.evalSources()
	count := max(1, req.Count)
	runs := make([]evaluation, count)
	known := 0
	for i := range count {
		var sources evalOpened
		if err == nil {
			sources, err = loaded(ctx)
		}
		if err != nil {
			runs[i].Errors = shownErrors(err)
			continue
		}
		runs[i], known = req.evalOnce(ctx, append(slices.Clone(options), sources.before...), sources.during, &errs)
	}
	shown := runs[0]
	if count > 1 {
		if err := shown.aggregate(runs); err != nil {
			return wrong(err.Error()), nil
		}
	}
	if err := shown.show(req, &out, &errs); err != nil {
		return wrong(err.Error()), nil
	}
	result := evaluated{report: report{Out: out.String(), Err: errs.String()}, Defined: len(shown.Result) > 0}
	if n := len(shown.Errors); n > 0 && n != known {
		result.Exit, result.Defined = 2, false
	}
	return result, nil
}

func (r *request) checkUnknowns() error {
	for _, unknown := range r.Unknowns {
		if unknown == "input" {
			continue
		}
		term, err := ast.ParseTerm(unknown)
		if err != nil {
			return err
		}
		if _, ok := term.Value.(ast.Ref); !ok {
			return fmt.Errorf("illegal argument with --unknowns, specify string with one or more --unknowns")
		}
	}
	return nil
}

// evalOptions gives what doesn't depend on the files; what is wrong with it as a text.
func (r *request) evalOptions(errs io.Writer) ([]func(*rego.Rego), string) {
	capabilities, err := r.authorCapabilities()
	if err != nil {
		return nil, err.Error()
	}
	options := []func(*rego.Rego){
		rego.Query(r.Query), rego.SetRegoVersion(r.authorVersion()), rego.StoreReadAST(r.ReadAST), rego.Schemas(r.schemaSet()),
		rego.DisableInlining(r.DisableInlining), rego.ShallowInlining(r.ShallowInlining), rego.StackTraces(true),
		rego.Capabilities(capabilities), rego.EnablePrintStatements(true), rego.PrintHook(topdown.NewPrintHook(errs)),
		rego.Runtime(runtimeOf()), rego.StrictBuiltinErrors(r.StrictErrors), rego.Strict(r.Strict),
	}
	if len(r.Imports) > 0 {
		options = append(options, rego.Imports(r.Imports))
	}
	if r.Package != "" {
		options = append(options, rego.Package(r.Package))
	}
	if r.Partial {
		unknowns := r.Unknowns
		if len(unknowns) == 0 {
			unknowns = []string{"input"}
		}
		options = append(options, rego.Unknowns(unknowns))
	}
	if r.InputText != nil {
		var input any
		if err := util.Unmarshal([]byte(*r.InputText), &input); err != nil {
			return nil, "unable to parse input: " + err.Error()
		}
		value, err := ast.InterfaceToValue(input)
		if err != nil {
			return nil, "unable to process input: " + err.Error()
		}
		options = append(options, rego.ParsedInput(value))
	}
	return options, ""
}

func runtimeOf() *ast.Term {
	return ast.ObjectTerm(
		ast.Item(ast.StringTerm("env"), ast.ObjectTerm()),
		ast.Item(ast.StringTerm("version"), ast.StringTerm(version.Version)),
		ast.Item(ast.StringTerm("commit"), ast.StringTerm(version.Vcs)),
	)
}

// evalSources reads the files; what it gives is made anew for each run, as a run writes into the store.
func (r *request) evalSources() (func(context.Context) (evalOpened, error), error) {
	all := *r
	all.Paths = append(slices.Clone(r.Paths), r.Bundles...)
	t, err := all.tree()
	if err != nil {
		return nil, err
	}
	capabilities, err := r.authorCapabilities()
	if err != nil {
		return nil, err
	}
	documents := map[string]any{}
	options := []func(*rego.Rego){}
	if len(r.Paths) > 0 {
		found, err := r.loader(t, capabilities).Filtered(r.Paths, r.filter(false))
		if err != nil {
			return nil, err
		}
		for _, module := range found.Modules {
			options = append(options, rego.ParsedModule(module.Parsed))
		}
		documents = orEmpty(found.Documents)
	}
	for _, path := range r.Bundles {
		one, err := r.loader(t, capabilities).WithFilter(r.filter(false)).AsBundle(path)
		if err != nil {
			return nil, fmt.Errorf("loading error: %s", err)
		}
		options = append(options, rego.ParsedBundle(path, one))
	}
	return func(ctx context.Context) (opened evalOpened, err error) {
		store := inmem.NewFromObjectWithOpts(documents, inmem.OptReturnASTValuesOnRead(r.ReadAST))
		opened.before = append(slices.Clone(options), rego.Store(store))
		if len(r.Bundles) == 0 {
			return opened, nil
		}
		txn, err := store.NewTransaction(ctx, storage.WriteParams)
		opened.before = append(opened.before, rego.Transaction(txn))
		opened.during = []rego.EvalOption{rego.EvalTransaction(txn)}
		return opened, err
	}, nil
}

// evalOpened is a store of one run's own, and the run's transaction where bundles are written into it.
type evalOpened struct {
	before []func(*rego.Rego)
	during []rego.EvalOption
}

// evalOnce evaluates; it gives how many of the errors are told only because they are asked for.
func (r *request) evalOnce(ctx context.Context, options []func(*rego.Rego), opened []rego.EvalOption, errs io.Writer) (evaluation, int) {
	var out evaluation
	var told []topdown.Error
	if r.ShowErrors {
		options = append(options, rego.BuiltinErrorList(&told))
	}
	during := []rego.EvalOption{
		rego.EvalRuleIndexing(!r.DisableIndexing), rego.EvalEarlyExit(!r.DisableEarlyExit),
		rego.EvalNondeterministicBuiltins(r.Nondeterministic),
	}
	during = append(during, opened...)
	if r.TimeoutMs > 0 {
		during = append(during, rego.EvalQueryTracer(&yielding{}))
	}
	var tracer *topdown.BufferTracer
	if r.Explain != "" {
		tracer = topdown.NewBufferTracer()
		during = append(during, rego.EvalQueryTracer(tracer))
	}
	if r.Metrics {
		measured := metrics.New()
		options, during = append(options, rego.Metrics(measured)), append(during, rego.EvalMetrics(measured))
		out.Metrics = measured
	}
	if r.Instrument {
		options, during = append(options, rego.Instrument(true)), append(during, rego.EvalInstrument(true))
	}
	var profiled *profiler.Profiler
	if r.Profile {
		profiled = profiler.New()
		during = append(during, rego.EvalQueryTracer(profiled))
	}
	var modules map[string]*ast.Module
	var err error
	var covered *cover.Cover
	if r.Coverage {
		covered = cover.New()
	}
	if r.Partial {
		var prepared rego.PreparedPartialQuery
		if prepared, err = rego.New(options...).PrepareForPartial(ctx); err == nil {
			modules = prepared.Modules()
			out.Partial, err = prepared.Partial(ctx, during...)
			renumber(out.Partial)
		}
	} else {
		var prepared rego.PreparedEvalQuery
		if prepared, err = rego.New(options...).PrepareForEval(ctx); err == nil {
			modules = prepared.Modules()
			out.Result, err = r.evalCovered(ctx, prepared, during, covered, errs)
		}
	}
	out.Errors = shownErrors(err)
	for i := range told {
		out.Errors = append(out.Errors, shownErrors(&told[i])...)
	}
	switch r.Explain {
	case "debug":
		out.Explanation = lineage.Debug(*tracer)
	case "full":
		out.Explanation = lineage.Full(*tracer)
	case "notes":
		out.Explanation = lineage.Notes(*tracer)
	case "fails":
		out.Explanation = lineage.Fails(*tracer)
	}
	if profiled != nil {
		out.Profile = profiled.ReportTopNResults(r.ProfileLimit, r.profileOrder())
	}
	if covered != nil {
		found := covered.Report(modules)
		out.Coverage = &found
	}
	return out, len(told)
}

// evalCovered runs again for each kind of line that wasn't reached, on the same values of what isn't deterministic.
func (r *request) evalCovered(ctx context.Context, prepared rego.PreparedEvalQuery, during []rego.EvalOption, covered *cover.Cover, errs io.Writer) (rego.ResultSet, error) {
	if covered == nil {
		return prepared.Eval(ctx, during...)
	}
	again := map[cover.Kind]*cover.Cover{}
	for _, kind := range r.CoverageRuns {
		again[cover.Kind(kind)] = cover.New()
		covered.AddRun(cover.Kind(kind), again[cover.Kind(kind)])
	}
	same := builtins.NDBCache{}
	result, err := prepared.Eval(ctx, append(slices.Clone(during), rego.EvalQueryTracer(covered), rego.EvalNDBuiltinCache(same))...)
	if err != nil {
		return result, err
	}
	if one := again[cover.KindIndexExcluded]; one != nil {
		if _, err := prepared.Eval(ctx, append(slices.Clone(during), cover.NoIndexingEvalOptions(one, same)...)...); err != nil {
			fmt.Fprintf(errs, "warning: coverage pass with rule indexing disabled failed: %v\n", err)
		}
	}
	if one := again[cover.KindEarlyExit]; one != nil {
		if _, err := prepared.Eval(ctx, append(slices.Clone(during), cover.NoEarlyExitEvalOptions(one, same)...)...); err != nil {
			fmt.Fprintf(errs, "warning: coverage pass with early exit disabled failed: %v\n", err)
		}
	}
	return result, nil
}

func (r *request) profileOrder() []string {
	order := slices.Clone(r.ProfileSort)
	for _, one := range []string{"total_time_ns", "num_eval", "num_redo", "file", "line"} {
		if !slices.Contains(order, one) {
			order = append(order, one)
		}
	}
	return order
}

// aggregate gives for several runs what each took.
func (e *evaluation) aggregate(runs []evaluation) error {
	e.Profile, e.Metrics = nil, nil
	var profiles [][]profiler.ExprStats
	var timers []map[string]any
	for _, run := range runs {
		profiles = append(profiles, run.Profile)
		if timed, ok := run.Metrics.(metrics.TimerMetrics); ok {
			timers = append(timers, timed.Timers())
		}
	}
	e.AggregatedProfile = profiler.AggregateProfiles(profiles...)
	e.AggregatedMetrics = map[string]any{}
	if len(timers) == 0 {
		return nil
	}
	for name := range timers[0] {
		var all []int64
		for _, one := range timers {
			took, ok := one[name].(int64)
			if !ok {
				return fmt.Errorf("missing timer for %s", name)
			}
			all = append(all, took)
		}
		e.AggregatedMetrics[name] = metrics.Statistics(all...)
	}
	return nil
}
