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

# What each may do with a collection, beside querying it.
may := {
	"retrieval.get": {"senior handbook", "analyst handbook", "ci handbook", "senior wiki", "analyst wiki", "contractor wiki", "ci wiki"},
	"retrieval.count": {"senior handbook", "analyst handbook", "ci handbook", "senior wiki", "analyst wiki", "contractor wiki", "ci wiki"},
	"retrieval.export": {"senior handbook"},
	"retrieval.write": {"senior handbook", "ci handbook", "senior wiki", "analyst wiki"},
	"retrieval.update": {"senior handbook", "ci handbook", "senior wiki", "analyst wiki"},
	"retrieval.delete": {"senior handbook", "senior wiki"},
	"collection.list": set(),
	"collection.describe": {"senior handbook", "analyst handbook", "ci handbook", "senior wiki", "analyst wiki", "contractor wiki", "ci wiki"},
	"collection.create": set(),
	"collection.update": {"senior wiki"},
	"collection.delete": set(),
	"collection.snapshot": set(),
	"retrieval.other": set(),
}

test_each_action_is_granted_by_itself[case] if {
	some action, granted in may
	some who, caller in demo.callers
	some collection in ["handbook", "wiki"]
	case := concat(" ", [who, action, collection])
	allowed := retrieval.allow with input as demo.ask(caller, demo.on_collection(action, collection))
	expected := concat(" ", [who, collection]) in granted
	demo.is_empty(allowed) != expected
}

test_what_is_not_open_to_all_is_granted_by_name if {
	count(retrieval.allow) == 1 with input as demo.ask(demo.senior, demo.on_collection("retrieval.count", "patients"))
	others := demo.but(
		demo.ask(demo.senior, demo.on_collection("retrieval.count", "patients")),
		{"subject/properties/groups": ["ml-engineering"]},
	)
	retrieval.allow == set() with input as others
}

test_public_collections_are_read_by_all_and_changed_by_nobody[action] if {
	some action, _ in may
	facts := object.union(data.facts.collections, {"public-docs": {
		"open": object.keys(may),
		"grants": {action: ["ml-senior"]},
	}})
	allowed := retrieval.allow with input as demo.ask(demo.senior, demo.on_collection(action, "public-docs"))
		with data.facts.collections as facts
	read := action in retrieval.reading
	demo.is_empty(allowed) != read
}

test_a_grant_holds_for_its_time[name] if {
	some name, case in {
		"before it": {"from": "2026-11-18T11:00:00Z", "until": "2026-12-01T00:00:00Z", "allowed": false},
		"from its first hour": {"from": "2026-11-18T10:00:00Z", "until": "2026-12-01T00:00:00Z", "allowed": true},
		"not in an hour that it is part of": {"from": "2026-11-18T10:01:00Z", "until": "2026-12-01T00:00:00Z", "allowed": false},
		"until its last whole hour": {"from": "2026-11-01T00:00:00Z", "until": "2026-11-18T11:00:00Z", "allowed": true},
		"not in the hour in which it ends": {"from": "2026-11-01T00:00:00Z", "until": "2026-11-18T10:59:00Z", "allowed": false},
		"not without an end": {"from": "2026-11-01T00:00:00Z", "until": null, "allowed": false},
		"not by a time that is none": {"from": "yesterday", "until": "2026-12-01T00:00:00Z", "allowed": false},
	}
	grant := {"collection": "wiki", "groups": ["ml-senior"], "actions": ["retrieval.export"], "from": case.from, "until": case.until}
	request := demo.ask(demo.senior, demo.on_collection("retrieval.export", "wiki"))
	allowed := retrieval.allow with input as request with data.facts.temporary as [grant]
	demo.is_empty(allowed) != case.allowed
	others := retrieval.allow with input as request
		with data.facts.temporary as [
			object.union(grant, {"collection": "handbook"}),
			object.union(grant, {"groups": ["data-science"]}),
			object.union(grant, {"actions": ["retrieval.write"]}),
		]
	demo.is_empty(others)
}

limits := {
	"an export's page": {"action": "retrieval.export", "query": {"top_k": 256}, "denied": set()},
	"a larger page": {"action": "retrieval.export", "query": {"top_k": 257}, "denied": {"top_k_not_allowed"}},
	"many ids": {"action": "retrieval.get", "query": {"top_k": 21}, "denied": {"top_k_not_allowed"}},
	"a count": {"action": "retrieval.count", "query": {"top_k": 1000000}, "denied": set()},
	"as deep as one may": {"action": "retrieval.query", "query": {"offset": 200}, "denied": set()},
	"too deep": {"action": "retrieval.query", "query": {"offset": 201}, "denied": {"offset_not_allowed"}},
	"a depth in words": {"action": "retrieval.query", "query": {"offset": "1"}, "denied": {"offset_not_allowed"}},
	"the largest vector": {"action": "retrieval.query", "query": {"dimensions": 4096}, "denied": set()},
	"a larger vector": {"action": "retrieval.query", "query": {"dimensions": 4097}, "denied": {"query_too_large"}},
	"dimensions that are no number": {"action": "retrieval.query", "query": {"dimensions": false}, "denied": {"query_too_large"}},
	"a long text": {"action": "retrieval.query", "query": {"bytes": 262145}, "denied": {"query_too_large"}},
	"no vectors": {"action": "retrieval.query", "query": {"vectors": false}, "denied": set()},
	"vectors": {"action": "retrieval.query", "query": {"vectors": true}, "denied": {"vectors_not_granted"}},
	"vectors in other words": {"action": "retrieval.query", "query": {"vectors": "yes"}, "denied": {"vectors_not_granted"}},
}

test_how_much_can_be_had_at_once[name] if {
	some name, case in limits
	what := object.union(demo.on_collection(case.action, "wiki"), {"resource": {"properties": {"query": case.query}}})
	denied := retrieval.deny with input as demo.ask(demo.analyst, what)
	demo.codes(denied) == case.denied
}

test_vectors_are_for_those_who_are_listed if {
	what := object.union(demo.query("wiki"), {"resource": {"properties": {"query": {"vectors": true}}}})
	retrieval.deny == set() with input as demo.ask(demo.senior, what)
}

test_vectors_that_nobody_is_listed_for if {
	what := object.union(demo.query("handbook"), {"resource": {"properties": {"query": {"vectors": true}}}})
	denied := retrieval.deny with input as demo.ask(demo.senior, what)
	demo.codes(denied) == {"vectors_not_granted"}
}

test_what_came_back_is_allowed_to_who_asked if {
	count(retrieval.allow) == 1 with input as demo.ask(demo.analyst, demo.found("wiki", []))
	retrieval.deny == set() with input as demo.ask(demo.analyst, demo.found("wiki", []))
	retrieval.obligations == set() with input as demo.ask(demo.analyst, demo.found("wiki", []))
}

test_results_are_filtered[action] if {
	some action in ["retrieval.query", "retrieval.get", "retrieval.export", "retrieval.write", "retrieval.update", "retrieval.delete"]
	obligations := retrieval.obligations with input as demo.ask(demo.analyst, demo.on_collection(action, "handbook"))
	obligations == {{"id": "retrieval.filter", "type": "filter", "properties": {"include": "countersign/document/include"}}}
}

test_fields_are_hidden_from_who_is_not_listed if {
	obligations := retrieval.obligations with input as demo.ask(demo.analyst, demo.query("wiki"))
	{"id": "retrieval.hide", "type": "hide_fields", "properties": {"fields": ["reviewer"]}} in obligations
	seen := retrieval.obligations with input as demo.ask(demo.senior, demo.query("wiki"))
	count(seen) == 1
}

test_what_is_masked_is_not_counted_by if {
	obligations := retrieval.obligations with input as demo.ask(demo.analyst, demo.on_collection("retrieval.count", "handbook"))
	{"id": "retrieval.hide", "type": "hide_fields", "properties": {"fields": ["owner"]}} in obligations
	{"id": "retrieval.filter", "type": "filter", "properties": {"include": "countersign/document/include"}} in obligations
	more := retrieval.obligations with input as demo.ask(demo.analyst, demo.on_collection("retrieval.count", "wiki"))
	{"id": "retrieval.hide", "type": "hide_fields", "properties": {"fields": ["owner", "reviewer"]}} in more
}

test_only_documents_have_obligations if {
	retrieval.obligations == set() with input as demo.ask(demo.senior, demo.on_collection("collection.describe", "wiki"))
}

test_restricted_data_leaves_a_label if {
	retrieval.labels == {"restricted-data"} with input as demo.ask(demo.senior, demo.query("patients"))
	retrieval.labels == set() with input as demo.ask(demo.senior, demo.query("handbook"))
}
