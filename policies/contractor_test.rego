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
