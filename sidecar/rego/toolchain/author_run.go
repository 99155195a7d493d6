package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/lineage"
)

// testingFlags are the flags of `opa test`.
type testingFlags struct {
	Verbose      bool     `json:"verbose"`
	VarValues    bool     `json:"var_values"`
	Explain      string   `json:"explain"`
	CoverageRuns []string `json:"coverage_runs"`
	Threshold    float64  `json:"threshold"`
	JSON         bool     `json:"json"`
	Sort         string   `json:"sort"`
	Count        int      `json:"count"`
	SkippedPass  bool     `json:"exit_zero_on_skipped"`
	TimeoutMs    int      `json:"timeout_ms"`
}

// authorTest does what `opa test` does, by OPA's own reporters. A coverage that isn't asked for as JSON comes as a
// document beside the results.
func authorTest(req *request) (any, []fault) {
	ctx := context.Background()
	capabilities, err := req.authorCapabilities()
	if err != nil {
		return failed(err), nil
	}
	modules, bundles, store, err := req.forTest(ctx, capabilities)
	if err != nil {
		return failed(err), nil
	}
	txn, err := store.NewTransaction(ctx, storage.WriteParams)
	if err != nil {
		return failed(err), nil
	}
	defer store.Abort(ctx, txn)
	compiler := ast.NewCompiler().SetErrorLimit(req.errorLimit()).WithPathConflictsCheck(storage.NonEmpty(ctx, store, txn)).
		WithEnablePrintStatements(true).WithCapabilities(capabilities).WithSchemas(req.schemaSet()).
		WithUseTypeCheckAnnotations(true).WithRewriteTestRules(req.VarValues)
	// OPA's five seconds end a test on a busy machine that passes on another one
	timeout := 10 * time.Minute
	if req.TimeoutMs > 0 {
		timeout = time.Duration(req.TimeoutMs) * time.Millisecond
	}
	runner := tester.NewRunner().SetCompiler(compiler).SetStore(store).CapturePrintOutput(true).
		EnableTracing(req.Verbose || req.VarValues || req.Explain != "").StackTraces(true).SetModules(modules).SetBundles(bundles).
		SetTimeout(timeout).Filter(req.Run).SetParallel(1)
	var out, errs bytes.Buffer
	var reporter tester.Reporter = tester.PrettyReporter{
		Verbose: req.Verbose || req.Explain != "", Output: &out, FailureLine: req.VarValues, LocalVars: req.VarValues,
	}
	if req.JSON {
		reporter = tester.JSONReporter{Output: &out, Sort: req.Sort}
	}
	var covered *cover.Cover
	if req.Coverage {
		covered = cover.New()
		kinds := []cover.Kind{}
		for _, kind := range req.CoverageRuns {
			kinds = append(kinds, cover.Kind(kind))
		}
		runner = runner.SetCoverageRuns(kinds).SetCoverageQueryTracer(covered)
		if req.JSON {
			reporter = tester.JSONCoverageReporter{
				Cover: covered, Modules: modules, Output: &out, Threshold: req.Threshold, Verbose: req.Verbose,
			}
		}
	}
	if covered == nil && req.TimeoutMs > 0 {
		runner = runner.SetCoverageQueryTracer(&yielding{})
	}
	result := report{}
	for range max(1, req.Count) {
		code, ran, err := req.runOnce(ctx, txn, runner, reporter)
		result.Ran += ran
		if err != nil {
			var low *cover.CoverageThresholdError
			if !errors.As(err, &low) && ran == 0 {
				return failed(err), nil
			}
			fmt.Fprintln(&errs, err)
		}
		if result.Exit = code; code != 0 {
			break
		}
	}
	if covered != nil && !req.JSON {
		found := covered.Report(modules)
		result.Coverage = found
		if found.Coverage < req.Threshold && result.Exit == 0 {
			fmt.Fprintln(&errs, &cover.CoverageThresholdError{Coverage: found.Coverage, Threshold: req.Threshold})
			result.Exit = 2
		}
	}
	result.Out, result.Err = out.String(), errs.String()
	return result, nil
}

// yielding lets Go's timers run while a test computes: WASM has one thread, which nothing takes away.
type yielding struct{ events int }

func (*yielding) Enabled() bool               { return true }
func (*yielding) Config() topdown.TraceConfig { return topdown.TraceConfig{} }
func (y *yielding) TraceEvent(topdown.Event) {
	if y.events++; y.events%4096 == 0 {
		runtime.Gosched()
	}
}

// runOnce runs the tests and reports them; it gives OPA's exit code and how many there were.
func (r *request) runOnce(ctx context.Context, txn storage.Transaction, runner *tester.Runner, reporter tester.Reporter) (int, int, error) {
	results, err := runner.RunTests(ctx, txn)
	if err != nil {
		return 1, 0, err
	}
	code := 0
	var all []*tester.Result
	for result := range results {
		if !result.Pass() && !(result.Skip && r.SkippedPass) {
			code = 2
		}
		result.Trace = r.trace(result.Trace)
		all = append(all, result)
	}
	// a program of the machine has threads, and ends them as they come
	slices.SortStableFunc(all, func(a, b *tester.Result) int {
		return cmp.Or(strings.Compare(a.Location.File, b.Location.File), a.Location.Row-b.Location.Row)
	})
	ran := len(all)
	passed := make(chan *tester.Result, ran)
	for _, result := range all {
		passed <- result
	}
	close(passed)
	if err := reporter.Report(passed); err != nil {
		var low *cover.CoverageThresholdError
		if errors.As(err, &low) {
			return 2, ran, err
		}
		return 1, max(1, ran), err
	}
	return code, ran, nil
}

// trace keeps of a trace what is asked for.
func (r *request) trace(events []*topdown.Event) []*topdown.Event {
	switch r.Explain {
	case "notes":
		return lineage.Notes(events)
	case "full":
		return lineage.Full(events)
	case "debug":
		return lineage.Debug(events)
	case "":
		if r.Verbose {
			return lineage.Filter(events, func(event *topdown.Event) bool {
				return event.Op == topdown.NoteOp || event.Op == topdown.FailOp
			})
		}
	}
	return lineage.Fails(events)
}

func (r *request) forTest(ctx context.Context, capabilities *ast.Capabilities) (map[string]*ast.Module, map[string]*bundle.Bundle, storage.Store, error) {
	t, err := r.tree()
	if err != nil {
		return nil, nil, nil, err
	}
	if !r.AsBundle {
		loaded, err := r.loader(t, capabilities).Filtered(r.Paths, r.filter(false))
		if err != nil {
			return nil, nil, nil, err
		}
		modules := map[string]*ast.Module{}
		store := inmem.NewFromObject(loaded.Documents)
		err = storage.Txn(ctx, store, storage.WriteParams, func(txn storage.Transaction) error {
			for _, one := range loaded.Modules {
				modules[one.Name] = one.Parsed
				if err := store.UpsertPolicy(ctx, txn, one.Name, one.Raw); err != nil {
					return err
				}
			}
			return nil
		})
		return modules, nil, store, err
	}
	modules, bundles := map[string]*ast.Module{}, map[string]*bundle.Bundle{}
	for _, path := range r.Paths {
		one, err := r.loader(t, capabilities).WithFilter(r.filter(false)).AsBundle(path)
		if err != nil {
			return nil, nil, nil, err
		}
		bundles[path] = one
		if r.Coverage {
			maps.Copy(modules, one.ParsedModules(path))
		}
	}
	return modules, bundles, inmem.NewWithOpts(inmem.OptRoundTripOnWrite(false)), nil
}
