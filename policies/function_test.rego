package countersign.function_test

import data.countersign
import data.countersign.demo

wants(name, offered) := {
	"action": {"name": "tool.call", "properties": {"phase": "response"}},
	"resource": {
		"type": "function",
		"id": name,
		"properties": {"tool": name, "arguments": {}, "model": "gpt-4o", "offered": offered},
	},
}

codes(request) := {one.code | some one in countersign.decision.reasons with input as request}

test_a_model_may_call_what_it_was_offered if {
	request := demo.ask(demo.senior, wants("weather", true))
	countersign.decision.allow with input as request
	codes(request) == {"function_offered"}
}

test_a_model_may_not_call_what_it_was_not_offered if {
	request := demo.ask(demo.senior, wants("weather", false))
	not countersign.decision.allow with input as request
	codes(request) == {"function_not_offered"}
}

test_who_does_not_say_what_was_offered_offered_nothing if {
	request := demo.but(demo.ask(demo.senior, wants("weather", true)), {"resource/properties": {"tool": "weather"}})
	not countersign.decision.allow with input as request
}

test_a_forbidden_function_is_not_called_even_if_it_was_offered if {
	request := demo.ask(demo.senior, wants("delete_file", true))
	not countersign.decision.allow with input as request
	codes(request) == {"function_forbidden"}
}

test_only_an_answer_of_a_model_calls_a_function if {
	request := demo.but(demo.ask(demo.senior, wants("weather", true)), {"action/properties": {"phase": "request"}})
	not countersign.decision.allow with input as request
}

test_a_contractor_outside_working_hours_is_denied_here_too if {
	request := demo.but(demo.ask(demo.contractor, wants("weather", true)), {"context/time": {
		"hour": 3,
		"weekday": "sunday",
		"zone": "UTC",
	}})
	not countersign.decision.allow with input as request
}
