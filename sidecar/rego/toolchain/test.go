package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/util"
)

func check(req *request) (any, []fault) {
	modules, faults := req.parse(true)
	if len(faults) > 0 {
		return nil, faults
	}
	compiler := ast.NewCompiler().WithStrict(req.Strict).WithEnablePrintStatements(true).SetErrorLimit(100)
	parsed := slices.Collect(maps.Values(modules))
	faults = append(refuseOwnCalls(parsed), checkWishes(parsed)...)
	compiler.Compile(modules)
	faults = append(faults, faultsOf(compiler.Errors)...)
	if len(faults) == 0 {
		_, _, faults = lift(withoutTests(modules))
	}
	if len(faults) > 0 {
		sortFaults(faults)
		return nil, faults
	}
	return map[string]any{"files": len(modules)}, nil
}

type testResult struct {
	Package    string `json:"package"`
	Name       string `json:"name"`
	Outcome    string `json:"outcome"`
	Message    string `json:"message,omitempty"`
	File       string `json:"file"`
	Row        int    `json:"row"`
	DurationNs int64  `json:"duration_ns"`
	Output     string `json:"output,omitempty"`
}

type fileCoverage struct {
	File       string  `json:"file"`
	Coverage   float64 `json:"coverage"`
	NotCovered []int   `json:"not_covered"`
}

type testReport struct {
	Results  []testResult   `json:"results"`
	Coverage *float64       `json:"coverage,omitempty"`
	Files    []fileCoverage `json:"files,omitempty"`
}

func test(req *request) (any, []fault) {
	source, faults := req.read(true)
	if len(faults) > 0 {
		return nil, faults
	}
	modules := map[string]*ast.Module{}
	for _, file := range source.Modules {
		modules[file.Path] = file.Parsed
	}
	data := source.Data
	if data == nil {
		data = map[string]any{}
	}
	ctx := context.Background()
	store := inmem.NewFromObject(data)
	txn, err := store.NewTransaction(ctx, storage.WriteParams)
	if err != nil {
		return nil, faultsOf(err)
	}
	defer store.Abort(ctx, txn)
	runner := tester.NewRunner().SetStore(store).SetModules(modules).SetParallel(1).
		CapturePrintOutput(true).RaiseBuiltinErrors(false).SetTimeout(30 * time.Second).
		SetDefaultRegoVersion(req.version()).Filter(req.Run)
	var coverage *cover.Cover
	if req.Coverage {
		coverage = cover.New()
		// the extra passes would tell why a line wasn't reached, for three times the time
		runner = runner.SetCoverageQueryTracer(coverage).SetCoverageRuns([]cover.Kind{})
	}
	channel, err := runner.RunTests(ctx, txn)
	if err != nil {
		return nil, faultsOf(err)
	}
	report := testReport{Results: []testResult{}}
	for result := range channel {
		report.Results = append(report.Results, resultOf(result))
	}
	if coverage != nil {
		report.cover(coverage.Report(ruled(modules)))
	}
	return report, nil
}

// ruled leaves the tests themselves out of the coverage.
func ruled(modules map[string]*ast.Module) map[string]*ast.Module {
	out := map[string]*ast.Module{}
	for path, module := range modules {
		if !isTest(path) {
			out[path] = module
		}
	}
	return out
}

func resultOf(r *tester.Result) testResult {
	out := testResult{Package: r.Package, Name: r.Name, Outcome: "pass", DurationNs: r.Duration.Nanoseconds(), Output: string(r.Output)}
	if r.Location != nil {
		out.File, out.Row = clean(r.Location.File), r.Location.Row
	}
	switch {
	case r.Error != nil:
		out.Outcome, out.Message = "error", r.Error.Error()
	case r.Skip:
		out.Outcome = "skip"
	case r.Fail:
		out.Outcome = "fail"
		if r.FailedAt != nil && r.FailedAt.Location != nil {
			out.Message = fmt.Sprintf("failed at %s:%d", clean(r.FailedAt.Location.File), r.FailedAt.Location.Row)
		}
	}
	return out
}

func (t *testReport) cover(report cover.Report) {
	covered, all := 0, 0
	for path, file := range report.Files {
		if isTest(path) {
			continue
		}
		lines := []int{}
		for _, r := range file.NotCovered {
			for row := r.Start.Row; row <= r.End.Row; row++ {
				if !slices.Contains(lines, row) {
					lines = append(lines, row)
				}
			}
		}
		covered += file.CoveredLines
		all += file.CoveredLines + file.NotCoveredLines
		t.Files = append(t.Files, fileCoverage{File: clean(path), Coverage: file.Coverage, NotCovered: lines})
	}
	slices.SortFunc(t.Files, func(a, b fileCoverage) int {
		if a.File < b.File {
			return -1
		}
		return 1
	})
	total := 100.0
	if all > 0 {
		total = float64(covered) * 100 / float64(all)
	}
	t.Coverage = &total
}

func formatFiles(req *request) (any, []fault) {
	out := map[string]string{}
	var faults []fault
	for path, text := range req.Files {
		formatted, err := format.SourceWithOpts(path, []byte(text), format.Opts{RegoVersion: req.version()})
		if err != nil {
			faults = append(faults, faultsOf(err)...)
			continue
		}
		out[path] = string(formatted)
	}
	return map[string]any{"files": out}, faults
}

func evaluate(req *request) (any, []fault) {
	source, faults := req.read(false)
	if len(faults) > 0 {
		return nil, faults
	}
	options := []func(*rego.Rego){rego.Query(req.Query), rego.SetRegoVersion(req.version()), rego.Store(inmem.NewFromObject(orEmpty(source.Data)))}
	for _, file := range source.Modules {
		options = append(options, rego.ParsedModule(file.Parsed))
	}
	if len(req.Input) > 0 {
		var input any
		if err := util.UnmarshalJSON(req.Input, &input); err != nil {
			return nil, faultsOf(err)
		}
		options = append(options, rego.Input(input))
	}
	if req.NowNs != "" {
		ns, err := strconv.ParseInt(req.NowNs, 10, 64)
		if err != nil {
			return nil, faultsOf(err)
		}
		options = append(options, rego.Time(time.Unix(0, ns)))
	}
	set, err := rego.New(options...).Eval(context.Background())
	if err != nil {
		return nil, faultsOf(err)
	}
	results := []any{}
	for _, result := range set {
		results = append(results, result.Expressions[0].Value)
	}
	return map[string]any{"results": results}, nil
}

func orEmpty(data map[string]any) map[string]any {
	if data == nil {
		return map[string]any{}
	}
	return data
}
