package main

import (
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/types"
)

// ruleHeld is called by the body of each annotated rule once all that stands before it held: the host notes
// the index and gives true.
var ruleHeld = &ast.Builtin{
	Name: "countersign.rule_held",
	Decl: types.NewFunction(types.Args(types.N), types.B),
}

func init() { ast.RegisterBuiltin(ruleHeld) }

// rule is what METADATA says of an annotated rule.
type rule struct {
	Index       int      `json:"index"`
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Owner       string   `json:"owner"`
	Severity    string   `json:"severity"`
	Frameworks  []string `json:"frameworks"`
	File        string   `json:"file"`
	Row         int      `json:"row"`
}

// markRules appends the call to each annotated rule's body and lists the rules. Scope `rule`, and `document` where OPA
// makes it so because of `entrypoint: true` and the author names an id: then each body of the document is marked.
func markRules(modules []bundle.ModuleFile) ([]rule, []fault) {
	parsed := make([]*ast.Module, 0, len(modules))
	for _, file := range modules {
		parsed = append(parsed, file.Parsed)
	}
	if faults := refuseOwnCalls(parsed); len(faults) > 0 {
		return nil, faults
	}
	annotations, errs := ast.BuildAnnotationSet(parsed)
	if len(errs) > 0 {
		return nil, faultsOf(errs)
	}
	m := marker{rules: []rule{}, taken: map[string]string{}, documents: map[*ast.Annotations]int{}}
	for _, module := range parsed {
		before := -1
		for _, r := range module.Rules {
			if r.Default {
				before = -1
				continue
			}
			scoped := annotations.GetRuleScope(r)
			switch {
			case further(r) && before >= 0:
				markBranches(r, before)
			case len(scoped) > 0:
				if before = m.add(r, scoped[0]); before >= 0 {
					markBranches(r, before)
				}
			default:
				before = -1
			}
			if whole := annotations.GetDocumentScope(r.Ref().GroundPrefix()); whole != nil && whole.Entrypoint && whole.Custom["id"] != nil {
				index, known := m.documents[whole]
				if !known {
					index = m.add(r, whole)
					m.documents[whole] = index
				}
				if index >= 0 {
					markBranches(r, index)
				}
			}
		}
	}
	return m.rules, m.faults
}

type marker struct {
	rules     []rule
	taken     map[string]string
	documents map[*ast.Annotations]int
	faults    []fault
}

// add lists a rule and gives its index; -1 where another one has its id.
func (m *marker) add(r *ast.Rule, a *ast.Annotations) int {
	marked := describe(r, a, len(m.rules))
	if other, taken := m.taken[marked.ID]; taken {
		m.faults = append(m.faults, fault{
			Code: "duplicate_rule_id", Message: fmt.Sprintf("the rule id %s is taken by %s", marked.ID, other),
			File: marked.File, Row: marked.Row, Col: 1,
		})
		return -1
	}
	m.taken[marked.ID] = fmt.Sprintf("%s:%d", marked.File, marked.Row)
	m.rules = append(m.rules, marked)
	return marked.Index
}

// further says whether a rule is a further body of the one before it, `p { … } { … }`: the annotation stands there.
func further(r *ast.Rule) bool {
	return r.Location != nil && len(r.Location.Text) > 0 && r.Location.Text[0] == '{'
}

func markBranches(r *ast.Rule, index int) {
	for branch := r; branch != nil; branch = branch.Else {
		settleHead(branch)
		mark(branch, index)
	}
}

// settleHead moves what the head computes to the end of the body, where OPA's compiler would move it, too: a rule
// whose value is undefined doesn't hold, so the mark must come after it.
func settleHead(r *ast.Rule) {
	settle := func(name string, term *ast.Term) *ast.Term {
		if term == nil || ast.IsConstant(term.Value) {
			return term
		}
		if _, isVar := term.Value.(ast.Var); isVar {
			return term
		}
		value := ast.VarTerm(name).SetLocation(term.Location)
		assign := ast.Assign.Expr(value, term)
		assign.Location = term.Location
		r.Body.Append(assign)
		return value.Copy()
	}
	if r.Head.RuleKind() == ast.MultiValue {
		r.Head.Key = settle("$countersign_key", r.Head.Key)
	}
	r.Head.Value = settle("$countersign_value", r.Head.Value)
}

func mark(r *ast.Rule, index int) {
	name, _ := ast.ParseRef(ruleHeld.Name)
	call := ast.NewExpr([]*ast.Term{ast.NewTerm(name), ast.IntNumberTerm(index)})
	call.Location = r.Location
	for _, term := range call.Terms.([]*ast.Term) {
		term.Location = r.Location
	}
	r.Body.Append(call)
}

func describe(r *ast.Rule, a *ast.Annotations, index int) rule {
	text := func(name string) string {
		value, _ := a.Custom[name].(string)
		return value
	}
	frameworks := []string{}
	if list, ok := a.Custom["frameworks"].([]any); ok {
		for _, item := range list {
			if name, ok := item.(string); ok {
				frameworks = append(frameworks, name)
			}
		}
	}
	id := text("id")
	if id == "" {
		id = fmt.Sprintf("%s:%d", strings.TrimPrefix(r.Ref().GroundPrefix().String(), "data."), r.Location.Row)
	}
	return rule{
		Index: index, ID: id, Title: a.Title, Description: a.Description, Owner: text("owner"),
		Severity: text("severity"), Frameworks: frameworks, File: clean(r.Location.File), Row: r.Location.Row,
	}
}

// refuseOwnCalls keeps policies from reporting rules that didn't hold.
func refuseOwnCalls(modules []*ast.Module) []fault {
	var faults []fault
	for _, module := range modules {
		ast.WalkRefs(module, func(ref ast.Ref) bool {
			if ref.String() == ruleHeld.Name {
				location := ref[0].Location
				faults = append(faults, fault{
					Code: "reserved_builtin", Message: ruleHeld.Name + " is the toolchain's own",
					File: clean(location.File), Row: location.Row, Col: location.Col,
				})
			}
			return false
		})
	}
	return faults
}
