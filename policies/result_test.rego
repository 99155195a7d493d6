package countersign.result_test

import data.countersign
import data.countersign.demo
import data.countersign.result

whats := {
	"a tool by path": demo.call("files/read_file", {"path": "/public/a.md"}),
	"a tool of a tenant": demo.call("search/web_search", {"query": "x"}),
	"a resource": demo.on_resource("resource.read", "files/file:///workspace/a.md"),
	"a prompt": demo.get_prompt("files/summarise", {"path": "a"}),
}

private := object.union(demo.links, {"count": 1, "private": true})

# With what the facts say of secrets and instructions for all: masked, labelled.
cases := {
	"nothing special": {"changes": {}, "codes": set(), "duties": set(), "labels": set()},
	"a secret": {"changes": {"secrets": {"github_token": 1}}, "codes": set(), "duties": {"mask"}, "labels": set()},
	"secrets of another type": {"changes": {"secrets": null}, "codes": set(), "duties": {"mask"}, "labels": set()},
	"an instruction": {
		"changes": {"injection": {"phrase": 1}}, "codes": set(), "duties": set(), "labels": {"untrusted-instructions"},
	},
	"much": {"changes": {"bytes": 1048577}, "codes": set(), "duties": {"limit_result"}, "labels": set()},
	"as much as may be": {"changes": {"bytes": 1048576}, "codes": set(), "duties": set(), "labels": set()},
	"a size that is none": {
		"changes": {"bytes": "1"}, "codes": {"result_not_searched"}, "duties": {"limit_result"}, "labels": set(),
	},
	"not all looked at": {
		"changes": {"scanned": false, "why": ["too_large"]}, "codes": {"result_not_searched"}, "duties": set(), "labels": set(),
	},
	"unknown members": {
		"changes": {"unknown_members": 1}, "codes": {"result_not_searched"}, "duties": set(), "labels": set(),
	},
	"a private link": {
		"changes": {"links": private}, "codes": {"private_link_in_result"}, "duties": set(), "labels": set(),
	},
	"a private resource": {
		"changes": {"resources": object.union(private, {"schemes": ["http"]})},
		"codes": {"private_link_in_result"}, "duties": set(), "labels": set(),
	},
	"an odd link": {
		"changes": {"links": object.union(private, {"private": false, "odd": true, "schemes": ["http"]})},
		"codes": {"private_link_in_result"}, "duties": set(), "labels": set(),
	},
	"a link upwards": {
		"changes": {"links": object.union(demo.links, {"traversal": true})},
		"codes": {"private_link_in_result"}, "duties": set(), "labels": set(),
	},
	"links of another type": {
		"changes": {"links": null}, "codes": {"private_link_in_result"}, "duties": set(), "labels": set(),
	},
}

test_results_are_judged_by_their_facts[case_of] if {
	some of, what in whats
	some name, case in cases
	case_of := concat(": ", [of, name])
	request := demo.ask(demo.senior, demo.gave(what, case.changes))
	denied := result.deny with input as request
	demo.codes(denied) == case.codes
	obliged := result.obligations with input as request
	{one.type | some one in obliged} == case.duties
	labels := result.labels with input as request
	labels == case.labels
}

test_a_servers_own_schemes_lead_back_here if {
	every found in ["links", "resources"] {
		every case in [
			{"schemes": ["file"], "traversal": false, "codes": set()},
			{"schemes": ["file", "http"], "traversal": false, "codes": {"private_link_in_result"}},
			{"schemes": ["file"], "traversal": true, "codes": {"private_link_in_result"}},
			{"schemes": "file", "traversal": false, "codes": {"private_link_in_result"}},
		] {
			changes := {found: object.union(private, {"schemes": case.schemes, "traversal": case.traversal})}
			denied := result.deny with input as demo.ask(demo.senior, demo.gave(whats["a tool by path"], changes))
			demo.codes(denied) == case.codes
		}
	}
}

settings := {
	"masked": {"said": {"secrets": "mask"}, "codes": set()},
	"denied": {"said": {"secrets": "deny"}, "codes": {"secrets_in_result"}},
	"labelled": {"said": {"secrets": "label"}, "codes": set()},
	"an unknown word": {"said": {"secrets": "keep"}, "codes": {"secrets_in_result"}},
	"instructions labelled": {"said": {"injection": "label"}, "codes": set()},
	"instructions allowed": {"said": {"injection": "allow"}, "codes": set()},
	"instructions denied": {"said": {"injection": "deny"}, "codes": {"instruction_in_result"}},
	"instructions of which nothing is said": {"said": {"injection": null}, "codes": {"instruction_in_result"}},
	"no limit": {"said": {"max_bytes": null}, "codes": {"result_not_searched"}},
}

test_facts_say_what_is_done[name] if {
	some name, case in settings
	found := {"secrets": {"github_token": 1}, "injection": {"phrase": 1}}
	request := demo.ask(demo.senior, demo.gave(whats["a tool of a tenant"], found))
	for_all := result.deny with input as request with data.facts.results as object.union(data.facts.results, case.said)
	demo.codes(for_all) == case.codes
	tools := {"search/web_search": {"results": case.said}}
	for_one := result.deny with input as request with data.facts.tools as tools
	demo.codes(for_one) == case.codes
}

test_without_facts_secrets_and_instructions_are_denied if {
	found := {"secrets": {"github_token": 1}, "injection": {"phrase": 1}}
	request := demo.ask(demo.senior, demo.gave(whats["a tool of a tenant"], found))
	answer := countersign.decision with input as request with data.facts.results as {}
	demo.codes(answer.reasons) == {"secrets_in_result", "instruction_in_result", "result_not_searched"}
}

test_the_mask_is_one_of_secrets if {
	request := demo.ask(demo.senior, demo.gave(whats["a resource"], {"secrets": {"github_token": 1}}))
	answer := countersign.decision with input as request
	answer.allow
	answer.obligations == [{
		"id": "result.mask",
		"type": "mask",
		"properties": {"phase": "response", "patterns": ["secrets"]},
	}]
}

# Who sees credentials has seen them.
test_credentials_that_are_given_label_the_task if {
	request := demo.ask(demo.senior, demo.gave(whats["a resource"], {"secrets": {"github_token": 1}}))
	answer := countersign.decision with input as request with data.facts.results.secrets as "label"
	answer.allow
	answer.obligations == []
	answer.labels == ["secrets"]
}

test_the_limit_is_that_of_the_facts if {
	request := demo.ask(demo.senior, demo.gave(whats["a tool by path"], {"bytes": 2000000, "injection": {"phrase": 1}}))
	answer := countersign.decision with input as request
	answer.allow
	answer.obligations == [{
		"id": "result.limit",
		"type": "limit_result",
		"properties": {"max_bytes": 1048576, "otherwise": "cut"},
	}]
	answer.labels == ["untrusted-instructions"]
}

# What can be called can be answered.
test_results_are_for_who_could_call[case] if {
	some who, caller in demo.callers
	some what, call in whats
	case := concat(" ", [who, what])
	called := countersign.decision with input as demo.ask(caller, call)
	given := countersign.decision with input as demo.ask(caller, demo.gave(call, {}))
	called.allow == given.allow
}

test_a_result_without_facts_is_denied[what] if {
	some what, call in whats
	request := json.remove(demo.ask(demo.senior, demo.gave(call, {})), ["resource/properties/result"])
	answer := countersign.decision with input as request
	not answer.allow
	demo.codes(answer.reasons) == {"private_link_in_result", "result_not_searched"}
}

# Only the word itself: nothing else spares a call its arguments.
test_another_phase_is_judged_as_a_call[name] if {
	some name, phase in {"none": null, "other": "answer", "capitals": "Response", "false": false}
	every what in ["a tool by path", "a tool of a tenant", "a prompt"] {
		request := demo.but(demo.ask(demo.senior, demo.gave(whats[what], {})), {"action/properties/phase": phase})
		answer := countersign.decision with input as request
		not answer.allow
		"arguments_not_searched" in demo.codes(answer.reasons)
	}
}
