package countersign.limit_test

import data.countersign
import data.countersign.demo
import data.countersign.limit

entry := {"name": "a", "unit": "cost", "amount": "5.00", "currency": "EUR", "window": {"calendar": "day"}, "per": ["user"]}

chat := demo.invoke("gpt-4o-mini")

cases := {
	"for all": {"names": {}, "what": chat, "held": true},
	"a group of the caller": {"names": {"groups": ["none", "ml-senior"]}, "what": chat, "held": true},
	"another group": {"names": {"groups": ["contractors"]}, "what": chat, "held": false},
	"no group": {"names": {"groups": []}, "what": chat, "held": false},
	"the action": {"names": {"actions": ["model.invoke"]}, "what": chat, "held": true},
	"another action": {"names": {"actions": ["embedding.create"]}, "what": chat, "held": false},
	"the type": {"names": {"types": ["model"]}, "what": chat, "held": true},
	"another type": {"names": {"types": ["tool"]}, "what": chat, "held": false},
	"the resource": {"names": {"resources": ["gpt-4o-mini"]}, "what": chat, "held": true},
	"another resource": {"names": {"resources": ["gpt-4o"]}, "what": chat, "held": false},
	"all of it": {
		"names": {"groups": ["ml-senior"], "actions": ["model.invoke"], "types": ["model"], "resources": ["gpt-4o-mini"]},
		"what": chat, "held": true,
	},
	"the answer": {"names": {}, "what": demo.but(chat, {"action/properties/phase": "response"}), "held": false},
}

test_limits_hold_for_what_they_name[name] if {
	some name, case in cases
	obliged := limit.obligations with input as demo.ask(demo.senior, case.what)
		with data.facts.limits as [object.union(entry, case.names)]
	expected := {{"id": "limit.use.a", "type": "limit", "properties": entry} | case.held}
	obliged == expected
}

test_several_hold_at_once if {
	obliged := limit.obligations with input as demo.ask(demo.senior, chat)
		with data.facts.limits as [entry, object.union(entry, {"name": "b"})]
	{one.id | some one in obliged} == {"limit.use.a", "limit.use.b"}
}

test_the_decision_hears_of_it if {
	request := demo.ask(demo.senior, demo.call("mail/send_email", {"to": "bob@partner.example"}))
	answer := countersign.decision with input as request
	answer.obligations == [{
		"id": "limit.use.mail-of-a-task",
		"type": "limit",
		"properties": {"name": "mail-of-a-task", "unit": "tool_calls", "amount": 5, "window": "task", "per": ["task"]},
	}]
}
