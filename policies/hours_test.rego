package countersign.hours_test

import data.countersign.demo
import data.countersign.hours

cases := {
	"Monday, first hour": {"time": {"weekday": "monday", "hour": 6}, "working": true},
	"Friday, last hour": {"time": {"weekday": "friday", "hour": 19}, "working": true},
	"too early": {"time": {"weekday": "monday", "hour": 5}, "working": false},
	"too late": {"time": {"weekday": "friday", "hour": 20}, "working": false},
	"Saturday": {"time": {"weekday": "saturday", "hour": 12}, "working": false},
	"no hour": {"time": {"weekday": "monday"}, "working": false},
	"no weekday": {"time": {"hour": 12}, "working": false},
	"an hour of the wrong type": {"time": {"weekday": "monday", "hour": "12"}, "working": false},
	"a weekday of the wrong type": {"time": {"weekday": ["monday"], "hour": 12}, "working": false},
	"no time": {"time": null, "working": false},
}

test_restricted_models_keep_working_hours[name] if {
	some name, case in cases
	denied := hours.deny with input as demo.but(
		demo.ask(demo.senior, demo.invoke("medical-llm")),
		{"context/time": case.time},
	)
	demo.is_empty(denied) == case.working
}

test_contractors_keep_working_hours[name] if {
	some name, case in cases
	every what in [demo.invoke("gpt-4o-mini"), demo.query("globex-docs"), demo.see_tool("search/web_search")] {
		denied := hours.deny with input as demo.but(demo.ask(demo.contractor, what), {"context/time": case.time})
		demo.is_empty(denied) == case.working
	}
}

test_others_may_work_at_any_time[name] if {
	some name, what in {"a model": demo.invoke("gpt-4o"), "a restricted collection": demo.query("patients")}
	denied := hours.deny with input as demo.but(
		demo.ask(demo.senior, what),
		{"context/time": {"weekday": "sunday", "hour": 3}},
	)
	denied == set()
}
