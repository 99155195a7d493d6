package countersign.canary_test

import data.countersign
import data.countersign.canary
import data.countersign.demo

trap := demo.call("mail/export_mailbox", {})

cases := {
	"calling it": {"what": trap, "touched": true},
	"seeing it": {"what": demo.see_tool("mail/export_mailbox"), "touched": false},
	"calling another": {"what": demo.call("mail/get_inbox", {}), "touched": false},
}

test_whoever_calls_a_trap_is_fenced[name] if {
	some name, case in cases
	answer := countersign.decision with input as demo.ask(demo.senior, case.what)
	denied := {reason.code | some reason in answer.reasons} == {"canary_touched"}
	denied == case.touched
	fenced := answer.obligations == [{
		"id": "canary.fence",
		"type": "fence",
		"properties": {"kinds": ["chain"], "seconds": 900, "reason": "a canary was touched"},
	}]
	fenced == case.touched
}

test_a_mark_of_another_type_is_a_mark if {
	every mark in ["no", 0, null] {
		refusals := canary.deny with input as demo.ask(demo.senior, demo.call("mail/get_inbox", {}))
			with data.facts.tools["mail/get_inbox"].canary as mark
		demo.codes(refusals) == {"canary_touched"}
	}
	unmarked := canary.deny with input as demo.ask(demo.senior, trap)
		with data.facts.tools["mail/export_mailbox"].canary as false
	demo.is_empty(unmarked)
}
