package countersign.storage_test

import data.countersign
import data.countersign.demo
import data.countersign.storage

keep(name, properties) := {
	"action": {"name": name, "properties": object.union({"phase": "request"}, properties)},
	"resource": {"type": "storage", "id": "openai", "properties": {
		"provider": "openai",
		"region": "us",
		"environment": "prod",
	}},
}

cases := {
	"a file of one's own": {"what": keep("file.create", {"purpose": "user_data"}), "allow": {"storage_granted"}, "deny": set()},
	"a batch's": {"what": keep("file.create", {"purpose": "batch"}), "allow": {"storage_granted"}, "deny": set()},
	"what models learn from": {
		"what": keep("file.create", {"purpose": "fine-tune"}),
		"allow": {"storage_granted"}, "deny": {"purpose_not_allowed"},
	},
	"no purpose": {"what": keep("file.create", {}), "allow": {"storage_granted"}, "deny": {"purpose_not_allowed"}},
	"reading": {"what": keep("file.content", {}), "allow": {"storage_granted"}, "deny": set()},
	"a store": {"what": keep("vector_store.update", {}), "allow": {"storage_granted"}, "deny": set()},
	"a search": {"what": keep("retrieval.query", {"top_k": 10}), "allow": {"search_granted"}, "deny": set()},
	"a search for more": {"what": keep("retrieval.query", {"top_k": 50}), "allow": set(), "deny": set()},
	"a search without a limit": {"what": keep("retrieval.query", {}), "allow": set(), "deny": set()},
	"an action that nobody thought of": {"what": keep("model.invoke", {}), "allow": set(), "deny": set()},
}

test_storage_is_open_by_group_and_purpose[name] if {
	some name, case in cases
	request := demo.ask(demo.senior, case.what)
	allowed := storage.allow with input as request
	demo.codes(allowed) == case.allow
	denied := storage.deny with input as request
	demo.codes(denied) == case.deny
	others := storage.allow with input as demo.ask(demo.ci, case.what)
	others == set()
}

test_an_account_that_nobody_knows if {
	request := demo.but(demo.ask(demo.senior, keep("file.read", {})), {"resource/id": "elsewhere"})
	denied := storage.deny with input as request
	demo.codes(denied) == {"storage_unknown"}
}

test_the_decision_hears_of_it if {
	request := demo.ask(demo.senior, keep("file.create", {"purpose": "user_data"}))
	allowed := countersign.decision with input as request
	allowed.allow
	denied := countersign.decision with input as demo.but(request, {"action/properties/purpose": "fine-tune"})
	demo.codes(denied.reasons) == {"purpose_not_allowed"}
	abroad := countersign.decision with input as demo.but(request, {"resource/properties/region": "ap"})
	demo.codes(abroad.reasons) == {"region_not_allowed"}
}

attach(documents) := object.union(
	keep("vector_store.update", {"files": 1}),
	{"resource": {"properties": {"documents": documents}}},
)

test_files_are_stamped_as_documents_are if {
	answer := countersign.decision with input as demo.ask(demo.analyst, attach([{}]))
	{obligation.type | some obligation in answer.obligations} == {"filter", "stamp_documents"}
	plain := countersign.decision with input as demo.ask(demo.analyst, keep("vector_store.update", {}))
	plain.allow
	plain.obligations == []
}

test_files_are_judged_as_documents_are[name] if {
	some name, case in {
		"one that says nothing": {"documents": [{}], "denied": set()},
		"as secret as may be": {"documents": [{"classification": "confidential"}], "denied": set()},
		"more secret": {"documents": [{"classification": "restricted"}], "denied": {"classification_too_high"}},
		"less secret": {"documents": [{"classification": "public"}], "denied": {"classification_too_low"}},
		"another tenant's": {"documents": [{"tenant": "globex"}], "denied": {"document_of_another_tenant"}},
		"no list": {"documents": null, "denied": {"documents_not_allowed"}},
	}
	answer := countersign.decision with input as demo.ask(demo.senior, attach(case.documents))
	answer.allow == demo.is_empty(case.denied)
	every code in case.denied { code in demo.codes(answer.reasons) }
}

test_a_search_is_narrowed_and_its_results_are_looked_at if {
	search := demo.ask(demo.analyst, keep("retrieval.query", {"top_k": 10}))
	narrowed := countersign.decision with input as search
	[obligation.type | some obligation in narrowed.obligations] == ["filter"]
	answer := countersign.decision with input as demo.but(search, {
		"action/properties/phase": "response",
		"resource/properties/recent": {"queries": 1, "narrow": 0},
		"resource/properties/documents": [
			{"tenant": "acme", "classification": "internal"},
			{"tenant": "acme", "classification": "confidential"},
			{"tenant": "globex", "classification": "internal"},
		],
	})
	answer.obligations == [{"id": "document.keep", "type": "keep_documents", "properties": {"documents": [0]}}]
}
