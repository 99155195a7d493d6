package countersign.task_test

import data.countersign
import data.countersign.demo
import data.countersign.task

chat := demo.invoke("gpt-4o-mini")

create(plan) := {
	"action": {"name": "task.create", "properties": {"phase": "request"}},
	"resource": {"type": "task", "id": "new", "properties": plan},
}

on_task(action) := {
	"action": {"name": action, "properties": {"phase": "request"}},
	"resource": {"type": "task", "id": "t-1", "properties": {}},
}

# The request of a task with these fields.
of_task(request, fields) := object.union(request, {"context": {"task": fields}})

proven := {"proven": true, "born": "created", "depth": 0}

denied(request) := codes if {
	refusals := task.deny with input as request
	codes := demo.codes(refusals)
}

required := {
	"for all": {"entry": {}, "what": chat, "denied": true},
	"for all, but to make one": {"entry": {}, "what": create({}), "denied": false},
	"to make one, where it says so": {"entry": {"actions": ["task.create"]}, "what": create({}), "denied": true},
	"for the action": {"entry": {"actions": ["tool.call", "model.invoke"]}, "what": chat, "denied": true},
	"for another action": {"entry": {"actions": ["tool.call"]}, "what": chat, "denied": false},
	"for a group of the caller": {"entry": {"groups": ["ml-senior"]}, "what": chat, "denied": true},
	"for another group": {"entry": {"groups": ["ci"]}, "what": chat, "denied": false},
	"for the action of another group": {"entry": {"groups": ["ci"], "actions": ["model.invoke"]}, "what": chat, "denied": false},
}

test_a_task_can_be_required[name] if {
	some name, case in required
	refusals := task.deny with input as demo.ask(demo.senior, case.what) with data.facts.tasks.required as [case.entry]
	expected := {"task_required" | case.denied}
	demo.codes(refusals) == expected
}

test_its_token_proves_a_task if {
	every proof in [
		{"fields": {"proven": true}, "denied": set()},
		{"fields": {"proven": false}, "denied": {"task_required"}},
		{"fields": {"proven": "true"}, "denied": {"task_required"}},
		{"fields": {"proven": null}, "denied": {"task_required"}},
	] {
		refusals := task.deny with input as of_task(demo.ask(demo.senior, chat), proof.fields)
			with data.facts.tasks.required as [{}]
		demo.codes(refusals) == proof.denied
	}
	refusals := task.deny with input as json.remove(demo.ask(demo.senior, chat), ["context/task"])
		with data.facts.tasks.required as [{}]
	demo.codes(refusals) == {"task_required"}
}

scopes := {
	"the model": {"scopes": ["model:gpt-4o-mini"], "denied": false},
	"all models": {"scopes": ["tool:mail/*", "model:*"], "denied": false},
	"some models": {"scopes": ["model:gpt-*"], "denied": false},
	"another model": {"scopes": ["model:gpt-4o"], "denied": true},
	"a model that begins so": {"scopes": ["model:gpt-4o-mini-2"], "denied": true},
	"a star in the middle": {"scopes": ["model:*-mini"], "denied": true},
	"another type": {"scopes": ["tool:gpt-4o-mini"], "denied": true},
	"recipients only": {"scopes": ["recipient:bob@acme.example"], "denied": true},
	"none": {"scopes": [], "denied": true},
	"null": {"scopes": null, "denied": true},
	"one text": {"scopes": "model:*", "denied": true},
	"a number": {"scopes": [1], "denied": true},
}

test_scopes_leave_what_they_name[name] if {
	some name, case in scopes
	request := of_task(demo.ask(demo.senior, chat), object.union(proven, {"scopes": case.scopes}))
	expected := {"task_scope" | case.denied}
	denied(request) == expected
}

test_scopes_count_where_a_token_proves_them if {
	every fields in [{}, {"proven": true}, {"proven": false, "scopes": []}, {"scopes": ["model:none"]}] {
		denied(of_task(demo.ask(demo.senior, chat), fields)) == set()
	}

	# whatever it was born as
	every born in ["request", "created", "exchanged", null] {
		denied(of_task(demo.ask(demo.senior, chat), {"proven": true, "born": born, "scopes": ["tool:*"]})) == {"task_scope"}
		denied(of_task(demo.ask(demo.senior, chat), {"proven": true, "born": born, "scopes": ["model:*"]})) == set()
	}
}

test_a_template_stands_for_its_resources if {
	request := demo.ask(demo.senior, demo.on_template("files/file:///workspace/{name}"))
	every case in [
		{"scopes": ["resource:files/file:///workspace/*"], "denied": set()},
		{"scopes": ["resource_template:files/*"], "denied": set()},
		{"scopes": ["resource:files/file:///public/*", "tool:*"], "denied": {"task_scope"}},
	] {
		denied(of_task(request, object.union(proven, {"scopes": case.scopes}))) == case.denied
	}
}

test_what_scopes_are_not_for_is_left[name] if {
	some name, what in {
		"the way to a server": {"action": {"name": "tool.list"}, "resource": {"type": "server", "id": "files"}},
		"a task": on_task("task.end"),
		"approving": demo.but(demo.see_tool("files/read_file"), {"action/name": "tool.approve"}),
		"what a model calls": {"action": {"name": "tool.call"}, "resource": {"type": "function", "id": "f"}},
	}
	denied(of_task(demo.ask(demo.senior, what), object.union(proven, {"scopes": []}))) == set()
}

test_all_that_has_an_id_has_a_scope[type] if {
	some type in [
		"model", "collection", "store", "storage", "tool", "prompt", "resource", "resource_template", "agent", "host",
		"route", "chain",
	]
	what := {"action": {"name": "x"}, "resource": {"type": type, "id": "a"}}
	request := demo.ask(demo.senior, what)
	denied(of_task(request, object.union(proven, {"scopes": []}))) == {"task_scope"}
	denied(of_task(request, object.union(proven, {"scopes": [concat("", [type, ":a"])]}))) == set()
}

depths := {
	"first": {"depth": 0, "denied": set()},
	"as deep as may be": {"depth": 4, "denied": set()},
	"deeper": {"depth": 5, "denied": {"task_too_deep"}},
	"a text": {"depth": "1", "denied": {"task_too_deep"}},
	"null": {"depth": null, "denied": {"task_too_deep"}},
}

test_tasks_are_not_handed_on_forever[name] if {
	some name, case in depths
	denied(of_task(demo.ask(demo.senior, chat), {"depth": case.depth})) == case.denied
}

test_without_a_limit_no_task_is_shallow if {
	refusals := task.deny with input as demo.ask(demo.senior, chat) with data.facts.tasks as {"required": []}
	demo.codes(refusals) == {"task_too_deep"}
}

plans := {
	"a purpose": {"who": "senior", "plan": {"purpose": "research"}, "allowed": true},
	"none": {"who": "senior", "plan": {}, "allowed": true},
	"one that isn't listed": {"who": "senior", "plan": {"purpose": "leisure"}, "allowed": false},
	"null": {"who": "senior", "plan": {"purpose": null}, "allowed": false},
	"a list": {"who": "senior", "plan": {"purpose": ["research"]}, "allowed": false},
	"within the budget": {"who": "analyst", "plan": {"purpose": "research", "budget": budget}, "allowed": true},
	"without a purpose that is needed": {"who": "analyst", "plan": {"budget": budget}, "allowed": false},
	"without a budget that is needed": {"who": "analyst", "plan": {"purpose": "research"}, "allowed": false},
	"with a part of it": {
		"who": "analyst", "plan": {"purpose": "research", "budget": {"requests": 1}}, "allowed": false,
	},
	"too many requests": {
		"who": "analyst", "plan": {"purpose": "research", "budget": object.union(budget, {"requests": 501})}, "allowed": false,
	},
	"requests as text": {
		"who": "analyst", "plan": {"purpose": "research", "budget": object.union(budget, {"requests": "1"})}, "allowed": false,
	},
	"too much money": {
		"who": "analyst",
		"plan": {"purpose": "research", "budget": object.union(budget, {"cost": {"amount": "5.000001"}})}, "allowed": false,
	},
	"more digits, less money": {
		"who": "analyst",
		"plan": {"purpose": "research", "budget": object.union(budget, {"cost": {"amount": "04.999999"}})}, "allowed": true,
	},
	"other money": {
		"who": "analyst",
		"plan": {"purpose": "research", "budget": object.union(budget, {"cost": {"currency": "JPY"}})}, "allowed": false,
	},
	"by who makes none": {"who": "contractor", "plan": {}, "allowed": false},
}

budget := {"requests": 500, "cost": {"amount": "5.00", "currency": "EUR"}}

test_tasks_are_made_by_whom_and_for_what_the_facts_say[name] if {
	some name, case in plans
	answer := countersign.decision with input as demo.ask(demo.callers[case.who], create(case.plan))
	answer.allow == case.allowed
	demo.codes(answer.reasons) == {true: {"task_granted"}, false: {"default_deny"}}[case.allowed]
}

test_a_task_is_for_who_proves_it[action] if {
	some action in ["task.read", "task.end"]
	own := countersign.decision with input as of_task(demo.ask(demo.senior, on_task(action)), proven)
	own.allow
	other := countersign.decision with input as demo.ask(demo.senior, on_task(action))
	not other.allow
}

user := {
	"subject/properties/delegation": {"depth": 0, "principal": {"type": "user", "id": "sam@acme.example"}},
}

names := {
	"before anything is read": {"labels": [], "changes": {}, "denied": set()},
	"after private data": {"labels": ["confidential:acme"], "changes": {}, "denied": set()},
	"after a page": {"labels": ["untrusted-web"], "changes": {}, "denied": {"recipients_named_too_late"}},
	"nobody knows after what": {"labels": null, "changes": {}, "denied": {"recipients_named_too_late"}},
	"after a page, by the user": {"labels": ["untrusted-web"], "changes": user, "denied": set()},
	"after a page, by a job": {
		"labels": ["untrusted-web"],
		"changes": {"subject/properties/delegation": {"depth": 0, "principal": {"type": "workload"}}},
		"denied": {"recipients_named_too_late"},
	},
}

test_recipients_are_named_before_anything_is_read[name] if {
	some name, case in names
	every scope in ["recipient:bob@acme.example", "Recipient:*@acme.example"] {
		asked := demo.but(demo.ask(demo.senior, create({"scopes": ["tool:mail/*", scope]})), case.changes)
		denied(demo.after(asked, case.labels)) == case.denied
	}
	plain := demo.but(demo.ask(demo.senior, create({"scopes": ["tool:mail/*"]})), case.changes)
	denied(demo.after(plain, case.labels)) == set()
}

test_the_denial_names_what_was_read if {
	request := demo.after(demo.ask(demo.senior, create({"scopes": ["recipient:a@b.example"]})), ["untrusted-web", "x"])
	some reason in task.deny with input as request
	reason.labels == ["untrusted-web"]
}
