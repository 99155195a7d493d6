package countersign.agent_test

import data.countersign
import data.countersign.demo

ask(caller, action, id) := demo.ask(caller, {
	"action": {"name": action, "properties": {"phase": "request"}},
	"resource": {"type": "agent", "id": id, "properties": {"agent": id, "parts": [text], "parts_count": 1}},
})

text := {"kind": "text", "bytes": 5}

codes(request) := {one.code | some one in countersign.decision.reasons with input as request}

test_agents_are_open_to_their_groups[who] if {
	some who, caller in demo.callers
	every action in [
		"agent.describe", "agent.message",
		"agent.task.get", "agent.task.list", "agent.task.cancel", "agent.task.subscribe",
	] {
		answer := countersign.decision with input as ask(caller, action, "planner")
		expected := who == "senior"
		answer.allow == expected
	}
}

test_unknown_agents_are_denied if {
	"agent_unknown" in codes(ask(demo.senior, "agent.message", "other"))
}

test_no_other_action_is_open if {
	codes(ask(demo.senior, "tool.call", "planner")) == {"default_deny"}
}

depths := {
	"nobody": {"depth": 0, "codes": {"agent_granted"}},
	"as many as there may be": {"depth": 2, "codes": {"agent_granted"}},
	"one more": {"depth": 3, "codes": {"chain_too_long"}},
	"no number": {"depth": null, "codes": {"chain_too_long"}},
}

test_messages_pass_through_few_hands[name] if {
	some name, case in depths
	request := ask(demo.senior, "agent.message", "planner")
	codes(demo.but(request, {"subject/properties/delegation/depth": case.depth})) == case.codes
}

test_a_limit_that_is_none_lets_nobody_through if {
	agents := {"planner": {"groups": ["ml-senior"], "actors": "many"}}
	not countersign.decision.allow with input as ask(demo.senior, "agent.message", "planner") with data.facts.agents as agents
}

test_looking_at_a_card_or_task_does_not_count_hands if {
	request := demo.but(ask(demo.senior, "agent.task.get", "planner"), {"subject/properties/delegation": {}})
	codes(request) == {"agent_granted"}
}

messages := {
	"a text": {"parts": [text], "count": 1, "codes": {"agent_granted"}},
	"nothing": {"parts": [], "count": 0, "codes": {"agent_granted"}},
	"data and a file": {"parts": [{"kind": "data"}, {"kind": "file"}], "count": 2, "codes": {"agent_granted"}},
	"an address of the web": {"parts": [{"kind": "url", "web": true}], "count": 1, "codes": {"agent_granted"}},
	"another address": {"parts": [text, {"kind": "url", "web": false}], "count": 2, "codes": {"private_link_in_message"}},
	"an address of which it isn't said": {"parts": [{"kind": "url"}], "count": 1, "codes": {"private_link_in_message"}},
	"more parts than are told of": {"parts": [text], "count": 2, "codes": {"private_link_in_message"}},
	"no parts": {"parts": null, "count": 0, "codes": {"private_link_in_message"}},
}

test_messages_and_answers_lead_to_the_web[name] if {
	some name, case in messages
	said := {"parts": case.parts, "parts_count": case.count}
	sent := demo.but(ask(demo.senior, "agent.message", "planner"), {"resource/properties": said})
	codes(sent) == case.codes
	answered := demo.but(ask(demo.senior, "agent.message", "planner"), {
		"action/properties/phase": "response",
		"resource/properties/result": said,
	})
	codes(answered) == case.codes
}

test_an_answer_is_judged_by_what_it_holds_itself if {
	request := demo.but(ask(demo.senior, "agent.message", "planner"), {"action/properties/phase": "response"})
	codes(request) == {"private_link_in_message"}
}

contents := {
	"clean": {"content": {"detectors": {"secrets": "1"}, "secrets": {}}, "codes": {"agent_granted"}},
	"a secret": {"content": {"detectors": {"secrets": "1"}, "secrets": {"github_token": 1}}, "codes": {"secrets_in_message"}},
	"not searched": {
		"content": {"detectors": {"secrets": "1"}, "secrets": {}, "unscanned": {"secrets": 1}},
		"codes": {"secrets_in_message"},
	},
	"other detectors": {"content": {"detectors": {"pii": "1"}, "pii": {}}, "codes": {"agent_granted"}},
	"no detectors": {"content": {}, "codes": {"secrets_in_message"}},
}

test_messages_hold_no_secrets[name] if {
	some name, case in contents
	codes(demo.but(ask(demo.senior, "agent.message", "planner"), {"context/content": case.content})) == case.codes
}
