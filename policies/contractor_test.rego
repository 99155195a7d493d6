package countersign.contractor_test

import data.countersign.contractor
import data.countersign.demo

# A contractor with a group that opens more.
favoured := {"subject/properties/tenant": "acme", "subject/properties/groups": ["contractors", "ml-senior"]}

cases := {
	"the listed model": {"what": demo.invoke("gpt-4o-mini"), "denied": set()},
	"another model": {"what": demo.invoke("gpt-4o"), "denied": {"contractor_model_not_listed"}},
	"a listed environment": {"what": demo.query("globex-docs"), "denied": set()},
	"experiments": {
		"what": demo.invoke("llama-3.1-70b"),
		"denied": {"contractor_model_not_listed", "contractor_environment_not_listed"},
	},
	"a tool": {"what": demo.see_tool("search/web_search"), "denied": set()},
}

test_contractors_are_held_to_their_lists[name] if {
	some name, case in cases
	every changes in [{}, favoured] {
		denied := contractor.deny with input as demo.but(demo.ask(demo.contractor, case.what), changes)
		demo.codes(denied) == case.denied
	}
}

test_no_environment_is_not_a_listed_one if {
	request := json.remove(
		demo.ask(demo.contractor, demo.invoke("gpt-4o-mini")),
		["resource/properties/environment"],
	)
	denied := contractor.deny with input as request
	demo.codes(denied) == {"contractor_environment_not_listed"}
}

test_others_are_not_held[name] if {
	some name, what in {"a model": demo.invoke("gpt-4o"), "experiments": demo.invoke("llama-3.1-70b")}
	request := demo.ask(demo.senior, what)
	contractor.deny == set() with input as request
	contractor.obligations == set() with input as request
}

test_without_a_limit_no_model_is_listed if {
	facts := json.remove(data.facts, ["contractors/max_tokens"])
	request := demo.ask(demo.contractor, demo.invoke("gpt-4o-mini"))
	denied := contractor.deny with input as request with data.facts as facts
	demo.codes(denied) == {"contractor_model_not_listed"}
}

test_only_invocations_are_limited if {
	obligations := contractor.obligations with input as demo.ask(demo.contractor, demo.invoke("gpt-4o-mini"))
	obligations == {{"id": "contractor.tokens", "type": "limit_tokens", "properties": {"max_tokens": 256}}}
	contractor.obligations == set() with input as demo.ask(demo.contractor, demo.see("gpt-4o-mini"))
}

test_collections_are_listed_for_a_time[name] if {
	some name, case in {
		"as it is": {"collection": "globex-docs", "change": [], "denied": set()},
		"another one": {"collection": "handbook", "change": [], "denied": {"contractor_collection_not_listed"}},
		"when it is over": {
			"collection": "globex-docs",
			"change": [{"op": "replace", "path": "contractors/collections/globex-docs/until", "value": "2026-11-18T10:30:00Z"}],
			"denied": {"contractor_collection_not_listed"},
		},
		"before it begins": {
			"collection": "globex-docs",
			"change": [{"op": "replace", "path": "contractors/collections/globex-docs/from", "value": "2026-11-18T10:30:00Z"}],
			"denied": {"contractor_collection_not_listed"},
		},
		"without an end": {
			"collection": "globex-docs",
			"change": [{"op": "remove", "path": "contractors/collections/globex-docs/until"}],
			"denied": {"contractor_collection_not_listed"},
		},
		"without a limit": {
			"collection": "globex-docs",
			"change": [{"op": "remove", "path": "contractors/top_k"}],
			"denied": {"contractor_collection_not_listed"},
		},
	}
	every changes in [{}, favoured] {
		denied := contractor.deny with input as demo.but(demo.ask(demo.contractor, demo.query(case.collection)), changes)
			with data.facts as json.patch(data.facts, case.change)
		demo.codes(denied) == case.denied
	}
}

test_contractors_get_few_documents_at_a_time if {
	request := demo.ask(demo.contractor, demo.query("globex-docs"))
	obligations := contractor.obligations with input as request
	obligations == {{"id": "contractor.results", "type": "limit_results", "properties": {"top_k": 5}}}
	contractor.obligations == set() with input as demo.but(request, {"action/properties/phase": "response"})
	contractor.obligations == set() with input as demo.ask(demo.contractor, demo.on_collection("retrieval.count", "globex-docs"))
	contractor.obligations == set() with input as demo.ask(demo.analyst, demo.query("handbook"))
}
