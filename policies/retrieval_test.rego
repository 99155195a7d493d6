package countersign.retrieval_test

import data.countersign.demo
import data.countersign.retrieval

cases := {
	"the tenant's own": {"caller": "analyst", "collection": "handbook", "denied": set()},
	"another tenant's": {"caller": "contractor", "collection": "handbook", "denied": {"tenant_mismatch"}},
	"another tenant's, the other way": {
		"caller": "senior",
		"collection": "globex-docs",
		"denied": {"tenant_mismatch"},
	},
	"public, whoever owns it": {"caller": "contractor", "collection": "public-docs", "denied": set()},
	"restricted, cleared, in research": {"caller": "senior", "collection": "patients", "denied": set()},
	"restricted, not cleared, in analytics": {
		"caller": "analyst",
		"collection": "patients",
		"denied": {"clearance_too_low", "department_not_granted"},
	},
	"restricted, a job without department": {
		"caller": "ci",
		"collection": "patients",
		"denied": {"clearance_too_low", "department_not_granted"},
	},
}

test_collections_are_open_by_tenant_and_classification[name] if {
	some name, case in cases
	request := demo.ask(demo.callers[case.caller], demo.query(case.collection))
	denied := retrieval.deny with input as request
	demo.codes(denied) == case.denied
	allowed := retrieval.allow with input as request
	demo.is_empty(allowed) != demo.is_empty(denied)
}

changes := {
	"a collection that nobody knows": {"change": {"resource/id": "salaries"}, "denied": {"collection_unknown"}},
	"a department of the wrong type": {
		"change": {"subject/properties/department": ["research"]},
		"denied": {"department_not_granted"},
	},
	"no groups": {"change": {"subject/properties/groups": []}, "denied": {"clearance_too_low"}},
	"a group of another tenant": {
		"change": {"subject/properties/tenant": "globex"},
		"denied": {"clearance_too_low", "tenant_mismatch"},
	},
	"a catalogue that says otherwise": {
		"change": {"resource/properties/classification": "public"},
		"denied": {"classification_mismatch"},
	},
	"a classification of the wrong type": {
		"change": {"resource/properties/classification": null},
		"denied": {"classification_mismatch"},
	},
	"the most results": {"change": {"resource/properties/query/top_k": 20}, "denied": set()},
	"too many results": {"change": {"resource/properties/query/top_k": 21}, "denied": {"top_k_not_allowed"}},
	"no results": {"change": {"resource/properties/query/top_k": 0}, "denied": {"top_k_not_allowed"}},
	"half a result": {"change": {"resource/properties/query/top_k": 1.5}, "denied": {"top_k_not_allowed"}},
	"a number in words": {"change": {"resource/properties/query/top_k": "5"}, "denied": {"top_k_not_allowed"}},
	"no number": {"change": {"resource/properties/query": {}}, "denied": {"top_k_not_allowed"}},
}

test_what_differs_from_an_allowed_query[name] if {
	some name, case in changes
	denied := retrieval.deny with input as demo.but(demo.ask(demo.senior, demo.query("patients")), case.change)
	demo.codes(denied) == case.denied
}

test_a_catalogue_may_leave_the_classification_out if {
	request := json.remove(
		demo.ask(demo.senior, demo.query("patients")),
		["resource/properties/classification"],
	)
	retrieval.deny == set() with input as request
	count(retrieval.allow) == 1 with input as request
}

test_public_collections_need_no_clearance if {
	request := demo.but(demo.ask(demo.senior, demo.query("public-docs")), {"subject/properties/groups": []})
	retrieval.deny == set() with input as request
	count(retrieval.allow) == 1 with input as request
}

test_writing_is_open_to_nobody if {
	request := demo.but(
		demo.ask(demo.senior, demo.query("handbook")),
		{"action/name": "retrieval.write", "resource/properties/query": {}},
	)
	retrieval.deny == set() with input as request
	retrieval.allow == set() with input as request
	retrieval.obligations == set() with input as request
}

test_results_are_filtered[name] if {
	some name, case in {
		"own": {"caller": demo.analyst, "collection": "handbook", "properties": {
			"tenant": "acme",
			"max_classification": "internal",
		}},
		"public": {"caller": demo.contractor, "collection": "public-docs", "properties": {
			"tenant": "globex",
			"max_classification": "public",
		}},
	}
	obligations := retrieval.obligations with input as demo.ask(case.caller, demo.query(case.collection))
	obligations == {{"id": "retrieval.filter", "type": "filter_documents", "properties": case.properties}}
}

test_restricted_data_leaves_a_label if {
	retrieval.labels == {"restricted-data"} with input as demo.ask(demo.senior, demo.query("patients"))
	retrieval.labels == set() with input as demo.ask(demo.senior, demo.query("handbook"))
}
