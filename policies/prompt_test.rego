package countersign.prompt_test

import data.countersign
import data.countersign.demo

codes(request) := {one.code | some one in countersign.decision.reasons with input as request}

cases := {
	"its argument": {"arguments": {"path": "a"}, "codes": {"prompt_granted"}},
	"no argument": {"arguments": {}, "codes": {"prompt_granted"}},
	"another argument": {"arguments": {"path": "a", "system": "x"}, "codes": {"prompt_arguments_not_allowed"}},
	"an argument that is no text": {"arguments": {"path": 1}, "codes": {"prompt_arguments_not_allowed"}},
	"no object": {"arguments": ["a"], "codes": {"prompt_arguments_not_allowed"}},
	"nothing": {"arguments": null, "codes": {"prompt_arguments_not_allowed"}},
}

test_prompts_take_what_is_listed[name] if {
	some name, case in cases
	codes(demo.ask(demo.senior, demo.get_prompt("files/summarise", case.arguments))) == case.codes
}

sees := {"senior": true, "analyst": true, "ci": false, "contractor": false}

test_what_is_listed_can_be_had[who] if {
	some who, allowed in sees
	every what in [demo.list_prompt("files/summarise"), demo.get_prompt("files/summarise", {})] {
		answer := countersign.decision with input as demo.ask(demo.callers[who], what)
		answer.allow == allowed
	}
}

# As the gateway describes a completion.
completing(facts) := demo.but(
	demo.ask(demo.senior, demo.list_prompt("files/summarise")),
	{"resource/properties": {"argument": "path", "facts": facts}},
)

test_what_is_typed_is_judged_as_arguments_are if {
	codes(completing(demo.facts)) == {"prompt_granted"}
	codes(completing(object.union(demo.facts, {"secrets": {"count": 1, "kinds": {}, "at": []}}))) == {"secrets_in_arguments"}
	codes(completing(object.union(demo.facts, {"truncated": true}))) == {"arguments_not_searched"}
	codes(completing(null)) != {"prompt_granted"}
	bare := demo.but(demo.ask(demo.senior, demo.list_prompt("files/summarise")), {"resource/properties": {"argument": "path"}})
	not countersign.decision.allow with input as bare

	# facts without a name of what they are of
	leaking := object.union(demo.facts, {"secrets": {"count": 1, "kinds": {}, "at": []}})
	nameless := demo.but(demo.ask(demo.senior, demo.list_prompt("files/summarise")), {"resource/properties": {"facts": leaking}})
	codes(nameless) == {"secrets_in_arguments"}
}

test_unknown_prompts_are_denied[id] if {
	some id in ["files/other", "search/summarise", "summarise", "files/Summarise"]
	"prompt_unknown" in codes(demo.ask(demo.senior, demo.list_prompt(id)))
	not "prompt_granted" in codes(demo.ask(demo.senior, demo.list_prompt(id)))
}

test_no_other_action_is_open if {
	request := demo.but(demo.ask(demo.senior, demo.list_prompt("files/summarise")), {"action/name": "tool.call"})
	not countersign.decision.allow with input as request
}
