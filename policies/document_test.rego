package countersign.document_test

import data.countersign
import data.countersign.demo
import data.countersign.document

plain := {"tenant": "acme", "classification": "internal", "region": "eu", "created": 1790000000}

a_day := 86400

# Each differs from what every caller of acme may know in one thing.
cases := {
	"a plain one": {"doc": plain, "for": {"senior", "analyst", "ci"}},
	"everyone's": {"doc": but(plain, {"tenant": "*"}), "for": {"senior", "analyst", "ci", "contractor"}},
	"another tenant's": {"doc": but(plain, {"tenant": "globex"}), "for": {"contractor"}},
	"an unknown tenant's": {"doc": but(plain, {"tenant": "initech"}), "for": set()},
	"a tenant in a list": {"doc": but(plain, {"tenant": ["acme"]}), "for": set()},
	"nobody's": {"doc": object.remove(plain, {"tenant"}), "for": set()},
	"public": {"doc": but(plain, {"classification": "public"}), "for": {"senior", "analyst", "ci"}},
	"confidential": {"doc": but(plain, {"classification": "confidential"}), "for": {"senior"}},
	"confidential of a contractor's": {"doc": but(plain, {"tenant": "globex", "classification": "confidential"}), "for": {"contractor"}},
	"restricted without a department": {"doc": but(plain, {"classification": "restricted"}), "for": set()},
	"restricted of the department": {"doc": but(plain, {"classification": "restricted", "department": "research"}), "for": {"senior"}},
	"of an unknown classification": {"doc": but(plain, {"classification": "secret"}), "for": set()},
	"a classification as a number": {"doc": but(plain, {"classification": 0}), "for": set()},
	"without a classification": {"doc": object.remove(plain, {"classification"}), "for": set()},
	"of another region": {"doc": but(plain, {"region": "us"}), "for": {"senior", "analyst", "ci"}},
	"of a region that the tenant doesn't use": {"doc": but(plain, {"region": "ap"}), "for": set()},
	"without a region": {"doc": object.remove(plain, {"region"}), "for": {"senior", "analyst", "ci"}},
	"of one's department": {"doc": but(plain, {"department": "analytics"}), "for": {"analyst"}},
	"of another department": {"doc": but(plain, {"department": "research"}), "for": {"senior"}},
	"of a department that one is granted for a time": {"doc": but(plain, {"department": "support"}), "for": {"analyst"}},
	"of a department as a list": {"doc": but(plain, {"department": ["research"]}), "for": set()},
	"that ends with this hour": {"doc": but(plain, {"expires": demo.hour_from + 3600}), "for": {"senior", "analyst", "ci"}},
	"that ends within it": {"doc": but(plain, {"expires": demo.hour_from + 3599}), "for": set()},
	"that ended": {"doc": but(plain, {"expires": 0}), "for": set()},
	"an end in words": {"doc": but(plain, {"expires": "never"}), "for": set()},
	"an empty one": {"doc": {}, "for": set()},
	"no document": {"doc": null, "for": set()},
}

but(document, changes) := object.union(document, changes)

test_who_may_know_a_document[name] if {
	some what, case in cases
	some who, caller in demo.callers
	name := concat(": ", [who, what])
	request := demo.ask(caller, demo.query("wiki"))
	alone := demo.but(request, {"resource/document": case.doc})
	found := demo.ask(caller, demo.found("wiki", [case.doc, case.doc]))
	expected := who in case.for
	includes(alone) == expected
	kept(found) == [i | some i in [0, 1]; expected]
}

includes(request) if document.include with input as request

includes(request) := false if not included(request)

included(request) if document.include with input as request

kept(request) := [obligation.properties.documents |
	some obligation in obligations_of(request)
	obligation.type == "keep_documents"
][0]

obligations_of(request) := obligations if {
	obligations := document.obligations with input as request
}

changes := {
	"outside the network": {"change": {"context/source/network": "external"}, "kept": []},
	"on a device of one's own": {"change": {"context/device/managed": false}, "kept": []},
	"without a group": {"change": {"subject/properties/groups": []}, "kept": []},
	"with a group of another tenant": {"change": {"subject/properties/tenant": "globex"}, "kept": []},
	"of another department": {"change": {"subject/properties/department": "analytics"}, "kept": []},
	"with departments in a list": {"change": {"subject/properties/department": ["research"]}, "kept": []},
	"as a contractor besides": {"change": {"subject/properties/groups": ["ml-senior", "contractors"]}, "kept": []},
	"without the hour": {"change": {"context/time": {"hour": 10}}, "kept": []},
	"in a collection that nobody knows": {"change": {"resource/id": "salaries"}, "kept": []},
	"in a collection that may hold less": {"change": {"resource/id": "handbook"}, "kept": []},
	"in one for that department, which needn't be named": {"change": {"resource/id": "patients", "resource/properties/documents/0/department": "research"}, "kept": [0]},
	"as it is": {"change": {}, "kept": [0]},
}

test_restricted_documents_need_more[name] if {
	some name, case in changes
	secret := but(plain, {"classification": "restricted", "department": "research", "expires": demo.hour_from + a_day})
	request := demo.but(demo.ask(demo.senior, demo.found("wiki", [secret])), case.change)
	kept(request) == case.kept
}

test_documents_that_are_too_old_are_not_given[name] if {
	some name, case in {
		"ten years old": {"change": {"created": (demo.hour_from + 3600) - (3650 * a_day)}, "kept": [0]},
		"older": {"change": {"created": (demo.hour_from + 3599) - (3650 * a_day)}, "kept": []},
		"of this hour": {"change": {"created": demo.hour_from + 3599}, "kept": [0]},
		"of the next": {"change": {"created": demo.hour_from + 3600}, "kept": []},
		"without a date": {"change": {"created": null}, "kept": []},
		"a date in words": {"change": {"created": "2026-01-01"}, "kept": []},
	}
	answer := kept(demo.ask(demo.senior, demo.found("patients", [but(plain, case.change)])))
	answer == case.kept
}

test_a_collection_for_departments_needs_none_in_its_documents if {
	secret := but(plain, {"classification": "restricted"})
	kept(demo.ask(demo.senior, demo.found("patients", [secret]))) == [0]
	kept(demo.ask(demo.senior, demo.found("wiki", [secret]))) == []
}

test_a_department_is_granted_for_its_time_and_place[name] if {
	some name, case in {
		"as it is": {"change": {}, "kept": [0]},
		"over": {"change": {"until": "2026-11-18T10:30:00Z"}, "kept": []},
		"another collection": {"change": {"collection": "handbook"}, "kept": []},
		"another group": {"change": {"groups": ["ci"]}, "kept": []},
		"no department": {"change": {"department": null}, "kept": []},
	}
	grant := but(
		{
			"collection": "wiki", "groups": ["data-science"], "department": "support",
			"from": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z",
		},
		case.change,
	)
	request := demo.ask(demo.analyst, demo.found("wiki", [but(plain, {"department": "support"})]))
	answer := kept(request) with data.facts.temporary as [grant]
	answer == case.kept
}

several := [
	but(plain, {"department": "research", "owner": "sam"}),
	but(plain, {"tenant": "globex"}),
	but(plain, {"classification": "confidential", "owner": "kim"}),
	but(plain, {"classification": "restricted", "department": "research"}),
	but(plain, {"classification": "confidential", "department": "research"}),
]

test_what_is_given_and_how if {
	obligations := document.obligations with input as demo.ask(demo.senior, demo.found("wiki", several))
	obligations == {
		{"id": "document.keep", "type": "keep_documents", "properties": {"documents": [0, 2, 3, 4]}},
		{"id": "document.mask.owner", "type": "mask_documents", "properties": {"documents": [2], "fields": ["owner"]}},
		{"id": "document.mark.confidential", "type": "label_documents", "properties": {"documents": [2, 4], "labels": ["confidential-data"]}},
		{"id": "document.mark.restricted", "type": "label_documents", "properties": {"documents": [3], "labels": ["restricted-data"]}},
	}
}

test_what_is_given_leaves_labels if {
	document.labels == {"confidential-data", "confidential:acme", "restricted-data", "restricted:acme"} with input as demo.ask(demo.senior, demo.found("wiki", several))
	document.labels == set() with input as demo.ask(demo.analyst, demo.found("wiki", several))
}

test_the_decision_hears_of_it if {
	answer := countersign.decision with input as demo.ask(demo.senior, demo.found("wiki", several))
	answer.allow
	[obligation.type | some obligation in answer.obligations] == ["keep_documents", "label_documents", "label_documents", "mask_documents"]
	answer.ttl == 0
	answer.labels == ["confidential-data", "confidential:acme", "restricted-data", "restricted:acme"]
}

test_the_decision_hears_of_too_many_queries if {
	request := demo.but(
		demo.ask(demo.analyst, demo.found("wiki", [])),
		{"resource/properties/recent": {"queries": 601, "narrow": 61}},
	)
	answer := countersign.decision with input as request
	demo.codes(answer.reasons) == {"too_many_narrow_queries"}
}

test_nothing_that_is_given_needs_no_mask if {
	obligations := document.obligations with input as demo.ask(demo.ci, demo.found("wiki", []))
	obligations == {{"id": "document.keep", "type": "keep_documents", "properties": {"documents": []}}}
}

test_narrow_queries_are_counted[name] if {
	some name, case in {
		"few": {"recent": {"queries": 600, "narrow": 60}, "denied": set()},
		"too many": {"recent": {"queries": 601, "narrow": 0}, "denied": {"too_many_narrow_queries"}},
		"too many narrow ones": {"recent": {"queries": 61, "narrow": 61}, "denied": {"too_many_narrow_queries"}},
		"not counted": {"recent": null, "denied": {"too_many_narrow_queries"}},
		"narrow ones not counted": {"recent": {"queries": 1}, "denied": {"too_many_narrow_queries"}},
		"counted in words": {"recent": {"queries": "1", "narrow": 1}, "denied": {"too_many_narrow_queries"}},
	}
	what := demo.but(demo.ask(demo.analyst, demo.found("wiki", [])), {"resource/properties/recent": case.recent})
	denied := document.deny with input as what
	demo.codes(denied) == case.denied
}

test_results_must_be_described[name] if {
	some name, documents in {"null": null, "an object": {"0": {}}, "a text": "x"}
	what := demo.but(demo.ask(demo.analyst, demo.found("wiki", [])), {"resource/properties/documents": documents})
	denied := document.deny with input as what
	demo.codes(denied) == {"results_not_described"}
}

# What is lost from the facts opens no document.
test_a_lost_fact_gives_nothing_more[name] if {
	some who, caller in demo.callers
	some path in ["classifications", "groups", "tenants", "temporary", "contractors", "documents", "collections/wiki/up_to"]
	name := concat(" ", [who, path])
	request := demo.ask(caller, demo.found("wiki", [case.doc | some case in cases]))
	before := kept(request)
	after := kept(request) with data.facts as json.remove(data.facts, [path])
	{i | some i in after} - {i | some i in before} == set()
}
