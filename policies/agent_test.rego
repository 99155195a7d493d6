package countersign.agent_test

import data.countersign
import data.countersign.demo

ask(caller, action, id) := demo.ask(caller, {
	"action": {"name": action, "properties": {"phase": "request"}},
	"resource": {"type": "agent", "id": id, "properties": {}},
})

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
