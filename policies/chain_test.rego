package countersign.chain_test

import data.countersign
import data.countersign.demo

invoke(properties) := {
	"action": {"name": "chain.invoke", "properties": object.union(
		{"phase": "request", "operation": "invoke", "stream": false, "input": {"type": "string"}},
		properties,
	)},
	"resource": {"type": "chain", "id": "chains/summary", "properties": {
		"route": "chains",
		"region": "eu",
		"environment": "prod",
	}},
}

codes(request) := {one.code | some one in countersign.decision.reasons with input as request}

test_a_chain_is_open_to_its_groups[who] if {
	some who, caller in demo.callers
	answer := countersign.decision with input as demo.ask(caller, invoke({}))
	expected := who in {"senior", "analyst"}
	answer.allow == expected
}

listed := {
	"none": {},
	"empty": {"config": {"configurable": {}, "tags": ["a"]}, "kwargs": {}},
	"one": {"config": {"configurable": {"length": 3}}},
}

test_what_is_listed_may_be_configured[name] if {
	some name, properties in listed
	codes(demo.ask(demo.senior, invoke(properties))) == {"chain_granted"}
}

unlisted := {
	"another name": {"config": {"configurable": {"model": "x"}}},
	"one of two": {"config": {"configurable": {"length": 3, "model": "x"}}},
	"arguments": {"kwargs": {"tools": []}},
	"configuration that is no object": {"config": {"configurable": ["length"]}},
	"arguments that are none": {"kwargs": "x"},
	"config that is none": {"config": "x"},
}

test_what_is_not_listed_may_not[name] if {
	some name, properties in unlisted
	codes(demo.ask(demo.senior, invoke(properties))) == {"configuration_not_listed"}
}

test_an_unknown_chain_is_denied if {
	request := demo.but(demo.ask(demo.senior, invoke({})), {"resource/id": "chains/none"})
	codes(request) == {"chain_unknown"}
}

test_describing_is_open_to_the_same if {
	request := demo.but(demo.ask(demo.senior, invoke({})), {"action": {"name": "chain.describe", "properties": {}}})
	countersign.decision.allow with input as request
	other := demo.but(demo.ask(demo.ci, invoke({})), {"action": {"name": "chain.describe", "properties": {}}})
	not countersign.decision.allow with input as other
}

test_no_other_action_is_open if {
	request := demo.but(demo.ask(demo.senior, invoke({})), {"action/name": "http.request"})
	not countersign.decision.allow with input as request
}
