package countersign.flow_test

import data.countersign
import data.countersign.demo
import data.countersign.flow

send := demo.but(demo.call("mail/send_email", {"to": "bob@partner.example", "subject": "x", "body": "x"}), {
	"resource/properties/facts/recipient_domains": ["partner.example"],
	"resource/properties/facts/recipients": {"complete": true, "addresses": ["bob@partner.example"]},
})

read_page := demo.call("web/read_page", {"url": "https://news.example/a"})

read_file := demo.call("files/read_file", {"path": "/workspace/a.md"})

public_file := demo.call("files/read_file", {"path": "/public/a.md"})

write_file := demo.call("files/write_file", {"path": "/workspace/a.md", "content": "x"})

connect := {
	"action": {"name": "network.connect", "properties": {"phase": "request"}},
	"resource": {"type": "host", "id": "pypi.org:443", "properties": {"host": "pypi.org", "port": 443, "private": false}},
}

message(agent) := {
	"action": {"name": "agent.message", "properties": {"phase": "request"}},
	"resource": {"type": "agent", "id": agent, "properties": {"agent": agent, "parts": [], "parts_count": 0}},
}

visit(route) := {
	"action": {"name": "http.request", "properties": {"phase": "request", "method": "GET"}},
	"resource": {"type": "route", "id": route, "properties": {"path": "/", "region": "eu", "environment": "prod"}},
}

abroad := demo.but(demo.invoke("gpt-4o"), {"resource/properties/region": "ap"})

placed(type, region) := {
	"action": {"name": "x", "properties": {"phase": "request"}},
	"resource": {"type": type, "id": "x", "properties": {"region": region}},
}

# What leads outside.
ways_out := {
	"mail": send,
	"a page": read_page,
	"a host": connect,
	"an agent": message("stranger"),
	"a route": visit("elsewhere"),
	"a model outside the tenant's regions": abroad,
	"a chain there": placed("chain", "ap"),
	"an account of storage there": placed("storage", "ap"),
	"a model whose provider searches": demo.but(
		demo.invoke("gpt-4o-mini"),
		{"action/properties/parameters": {"tools": ["show", "web_search"]}},
	),
	"a model whose provider fetches an image": demo.but(
		demo.invoke("gpt-4o-mini"),
		{"action/properties/fetches": ["img.example"]},
	),
	"a tool that the gateway calls external": demo.but(read_file, {"resource/properties/effect": "external"}),
	"any other phase": demo.but(send, {"action/properties/phase": "answer"}),
	"no phase": {"action": {"name": "tool.call"}, "resource": send.resource},
}

# What doesn't.
inside := {
	"a file": read_file,
	"a file that is written": write_file,
	"a search": demo.call("search/web_search", {"query": "x"}),
	"a model": demo.invoke("gpt-4o-mini"),
	"a model that is offered tools": demo.but(
		demo.invoke("gpt-4o-mini"),
		{"action/properties/parameters": {"tools": ["show"]}},
	),
	"a collection": demo.query("patients"),
	"our own agent": message("planner"),
	"our own route": visit("notes"),
	"what mail gave": demo.but(send, {"action/properties/phase": "response"}),
	"seeing mail": demo.see_tool("mail/send_email"),
	"seeing a model": demo.but(demo.see("gpt-4o"), {"resource/properties/region": "ap"}),
}

pairs := {
	"a page, a classification": ["confidential-data", "untrusted-web"],
	"mail, a tenant's": ["restricted:acme", "untrusted-mail"],
	"instructions, people": ["personal-data", "untrusted-instructions"],
}

halves := {
	"nothing": [],
	"a page": ["untrusted-web"],
	"private data": ["confidential-data", "confidential:acme"],
	"something else": ["reviewed"],
}

denied(what, labels) := codes if {
	refusals := flow.deny with input as demo.after(demo.ask(demo.senior, what), labels)
	codes := demo.codes(refusals)
}

test_strangers_words_and_private_data_and_a_way_out_is_denied[case] if {
	some way, what in ways_out
	some pair, labels in pairs
	case := concat(": ", [way, pair])
	"private_data_after_untrusted_content" in denied(what, labels)
}

test_two_of_the_three_are_not[case] if {
	some way, what in ways_out
	some half, labels in halves
	case := concat(": ", [way, half])
	not "private_data_after_untrusted_content" in denied(what, labels)
}

# An order may stand in what the house trusts.
test_private_data_and_a_way_out_is_denied_too[case] if {
	some way, what in ways_out
	some labels in [["confidential-data"], ["restricted:acme"], ["personal-data", "reviewed"]]
	case := concat(": ", [way, labels[0]])
	denied(what, labels) == object.get({"a page": set(), "a host": set()}, way, {"private_data_leads_outside"})
}

test_what_stays_inside_is_not[case] if {
	some way, what in inside
	some pair, labels in pairs
	case := concat(": ", [way, pair])
	denied(what, labels) == set()
}

test_the_denial_names_the_labels_that_it_rests_on if {
	request := demo.after(demo.ask(demo.senior, read_page), ["confidential:acme", "reviewed", "untrusted-web"])
	answer := countersign.decision with input as request
	not answer.allow
	answer.reasons == [{
		"code": "private_data_after_untrusted_content",
		"message": "the task has read what strangers wrote and what is private, and this leads outside",
		"rule": "flow.trifecta",
		"labels": ["confidential:acme", "untrusted-web"],
	}]
}

# What isn't known isn't empty.
garbled := {"null": null, "a text": "untrusted-web", "an object": {"a": "b"}, "numbers": [1], "one that is none": ["a", null]}

test_ways_out_need_labels_to_be_known[case] if {
	some way, what in ways_out
	case := way
	every labels in garbled {
		denied(what, labels) == {"task_labels_unknown"}
	}
	every path in ["context/task", "context/task/labels"] {
		refusals := flow.deny with input as json.remove(demo.ask(demo.senior, what), [path])
		demo.codes(refusals) == {"task_labels_unknown"}
	}
}

test_inside_labels_may_be_missing_but_not_garbled[case] if {
	some way, what in inside
	case := way
	every labels in garbled {
		denied(what, labels) == {"task_labels_unknown"}
	}
	refusals := flow.deny with input as json.remove(demo.ask(demo.senior, what), ["context/task"])
	demo.is_empty(refusals)
}

test_without_the_facts_nothing_leads_outside[case] if {
	some list in ["untrusted", "private", "secrets", "of_tenant"]
	case := list
	facts := object.remove(data.facts.flow, [list])
	refusals := flow.deny with input as demo.ask(demo.senior, connect) with data.facts.flow as facts
	demo.codes(refusals) == {"task_labels_unknown"}
}

# A tool that writes to people within the house.
chat := {"effect": "write", "risk": "low", "arguments": {}, "recipients": ["acme.example"]}

test_who_is_written_to_needs_labels_to_be_known if {
	refusals := flow.deny with input as json.remove(demo.ask(demo.senior, demo.call("files/chat", {})), ["context/task"])
		with data.facts.tools as {"files/chat": chat}
	demo.codes(refusals) == {"task_labels_unknown"}
}

# Whether it is outward, by what the facts say.
marks := {
	"a tool": {"what": read_file, "changes": {"facts/tools/files~1read_file/outward": true}, "denied": true},
	"a tool, with a mark of another type": {
		"what": read_file, "changes": {"facts/tools/files~1read_file/outward": "no"}, "denied": true,
	},
	"a tool that isn't": {"what": read_file, "changes": {"facts/tools/files~1read_file/outward": false}, "denied": false},
	"a tool that acts outside, whatever it says": {
		"what": read_page, "changes": {"facts/tools/web~1read_page/outward": false}, "denied": true,
	},
	"a server": {"what": read_file, "changes": {"facts/servers/files/outward": true}, "denied": true},
	"a server's resources": {
		"what": demo.on_resource("resource.read", "files/file:///workspace/a.md"),
		"changes": {"facts/servers/files/outward": true}, "denied": true,
	},
	"a server's questions": {
		"what": demo.from_server("sampling.create", "files", {}),
		"changes": {"facts/servers/files/outward": true}, "denied": true,
	},
	"a server's list": {
		"what": demo.on_resource("resource.list", "files/file:///workspace/a.md"),
		"changes": {"facts/servers/files/outward": true}, "denied": false,
	},
	"a host of ours": {"what": connect, "changes": {"facts/hosts/pypi.org/outward": false}, "denied": false},
	"a host of ours that isn't under another name": {
		"what": connect,
		"changes": {"facts/hosts/pypi.org/outward": false, "facts/hosts/*.org": {}}, "denied": true,
	},
	"an agent with a mark of another type": {
		"what": message("planner"), "changes": {"facts/agents/planner/outward": 0}, "denied": true,
	},
	"a route with a mark of another type": {
		"what": visit("notes"), "changes": {"facts/routes/notes/outward": null}, "denied": true,
	},
}

test_marks_say_what_is_outside[name] if {
	some name, case in marks
	changed := json.patch({"facts": data.facts}, [{"op": "add", "path": path, "value": value} |
		some path, value in case.changes
	])
	refusals := flow.deny with input as demo.after(demo.ask(demo.senior, case.what), pairs["mail, a tenant's"])
		with data.facts as changed.facts
	is_denied := "private_data_after_untrusted_content" in demo.codes(refusals)
	is_denied == case.denied
}

pages := {
	"https://news.example/": set(),
	"https://news.example/orders/99": set(),
	"https://news.example/twelve-chars": set(),
	"https://news.example/thirteen-char": {"private_data_leads_outside"},
	"https://news.example/a?d=x": {"private_data_leads_outside"},
	"https://news.example/#x": {"private_data_leads_outside"},
	"https://news.example/%41": {"private_data_leads_outside"},
	"https://news.example/\u4e2d": {"private_data_leads_outside"},
	"https://news.example/a\nb": {"private_data_leads_outside"},
	"https://x@news.example/": {"private_data_leads_outside"},
	"https://x.news.example/": {"private_data_leads_outside"},
	"https://news.example:8443/": {"private_data_leads_outside"},
	"https://news.example": {"private_data_leads_outside"},
	"http://news.example/": {"private_data_leads_outside"},
	"HTTPS://news.example/": {"private_data_leads_outside"},
}

test_an_address_has_no_room_for_private_data[address] if {
	some address, expected in pages
	denied(demo.call("web/read_page", {"url": address}), ["confidential-data"]) == expected
}

without_room := {
	"more is said beside it": demo.call("web/read_page", {"url": "https://news.example/", "as": "x"}),
	"it is in a list": demo.call("web/read_page", {"url": ["https://news.example/"]}),
	"its name says something": demo.call("web/read_page", {"secret-7": "https://news.example/"}),
	"nothing is said": demo.call("web/read_page", {}),
	"arguments are a list": demo.call("web/read_page", ["https://news.example/"]),
}

test_other_arguments_have_room[name] if {
	some name, what in without_room
	"private_data_leads_outside" in denied(what, ["confidential-data"])
}

# Facts under which a page may not be read.
closing := {
	"what it gives isn't labelled": {"facts/tools/web~1read_page/labels": ["seen"]},
	"no room is told": {"facts/flow/room": null},
	"room is a word": {"facts/flow/room": "12"},
	"no room": {"facts/flow/room": -1},
	"any host": {"facts/tools/web~1read_page/hosts": ["*"]},
}

test_facts_open_addresses[name] if {
	some name, changes in closing
	changed := json.patch({"facts": data.facts}, [{"op": "add", "path": path, "value": value} | some path, value in changes])
	refusals := flow.deny with input as demo.after(demo.ask(demo.senior, read_page), ["confidential-data"])
		with data.facts as changed.facts
	demo.codes(refusals) == {"private_data_leads_outside"}
}

# Whom the facts trust with what is private.
entrusting := {
	"a tool": {"what": send, "path": "facts/tools/mail~1send_email/entrusted"},
	"an agent": {"what": message("stranger"), "path": "facts/agents/stranger", "value": {"entrusted": true}},
	"a route": {"what": visit("elsewhere"), "path": "facts/routes/elsewhere", "value": {"entrusted": true}},
	"a server": {
		"what": demo.on_resource("resource.read", "files/file:///workspace/a.md"),
		"path": "facts/servers/files",
		"value": {"outward": true, "entrusted": true},
	},
}

test_a_server_that_is_not_entrusted_may_not if {
	changed := json.patch({"facts": data.facts}, [{"op": "add", "path": "facts/servers/files/outward", "value": true}])
	refusals := flow.deny with input as demo.after(demo.ask(demo.senior, entrusting["a server"].what), ["confidential-data"])
		with data.facts as changed.facts
	demo.codes(refusals) == {"private_data_leads_outside"}
}

test_the_entrusted_may_learn_it[name] if {
	some name, case in entrusting
	changed := json.patch(
		{"facts": data.facts},
		[{"op": "add", "path": case.path, "value": object.get(case, "value", true)}],
	)
	refusals := flow.deny with input as demo.after(demo.ask(demo.senior, case.what), ["confidential-data"])
		with data.facts as changed.facts
	demo.is_empty(refusals)
}

test_nothing_of_it_after_strangers_words if {
	"private_data_after_untrusted_content" in denied(connect, ["confidential-data", "untrusted-web"])
}

test_what_has_no_name_sends if {
	nameless := json.patch(
		demo.after(demo.ask(demo.senior, connect), ["confidential-data", "untrusted-web"]),
		[{"op": "remove", "path": "action/name"}],
	)
	refusals := flow.deny with input as nameless
	"private_data_after_untrusted_content" in demo.codes(refusals)
}

test_hosts_must_all_be_entrusted if {
	changed := json.patch(
		{"facts": data.facts},
		[{"op": "add", "path": "facts/hosts/*.org", "value": {"ports": [443], "groups": []}}],
	)
	refusals := flow.deny with input as demo.after(demo.ask(demo.senior, connect), ["confidential-data"])
		with data.facts as changed.facts
	demo.codes(refusals) == {"private_data_leads_outside"}
}

to(addresses) := demo.but(send, {"resource/properties/facts/recipients": {"complete": true, "addresses": addresses}})

house := {
	"the house": {"addresses": ["ann@acme.example"], "denied": set()},
	"somebody else besides": {"addresses": ["ann@acme.example", "bob@partner.example"]},
	"a name like it": {"addresses": ["ann@acme.example.evil.example"]},
	"a part of it": {"addresses": ["ann@mail.acme.example"]},
	"two domains": {"addresses": ["ann@acme.example@acme.example"]},
	"nobody": {"addresses": []},
}

test_private_data_is_sent_within_the_house[name] if {
	some name, case in house
	denied(to(case.addresses), ["confidential-data"]) == object.get(case, "denied", {"private_data_leads_outside"})
}

test_private_data_is_sent_to_the_named if {
	request := object.union(demo.ask(demo.senior, send), {"context": {"task": object.union(named, {"labels": ["personal-data"]})}})
	refusals := flow.deny with input as request
	demo.is_empty(refusals)
}

# Of the task: its labels, what proves it, its scopes; of the mail: whom it goes to.
named := {"proven": true, "born": "created", "scopes": ["tool:mail/*", "recipient:bob@partner.example"]}

mails := {
	"nobody's words were read": {"task": {}, "denied": set()},
	"after reading mail": {"task": {"labels": ["untrusted-mail"]}, "denied": {"recipient_not_named"}},
	"after reading mail, and private data": {
		"task": {"labels": ["personal-data", "untrusted-mail"]},
		"denied": {"recipient_not_named", "private_data_after_untrusted_content"},
	},
	"to whom the user named": {"task": object.union(named, {"labels": ["personal-data", "untrusted-mail"]}), "denied": set()},
	"by a sub-agent": {
		"task": object.union(named, {"labels": ["untrusted-mail"], "born": "exchanged"}), "denied": set(),
	},
	"to a domain that the user named": {
		"task": object.union(named, {"labels": ["untrusted-mail"], "scopes": ["recipient:*@Partner.example"]}), "denied": set(),
	},
	"the user named another": {
		"task": object.union(named, {"labels": ["untrusted-mail"], "scopes": ["recipient:ann@partner.example"]}),
		"denied": {"recipient_not_named"},
	},
	"another domain": {
		"task": object.union(named, {"labels": ["untrusted-mail"], "scopes": ["recipient:*@acme.example", "recipient:*"]}),
		"denied": {"recipient_not_named"},
	},
	"no scopes": {
		"task": {"labels": ["untrusted-mail"], "proven": true, "born": "created"}, "denied": {"recipient_not_named"},
	},
	"scopes as one text": {
		"task": object.union(named, {"labels": ["untrusted-mail"], "scopes": "recipient:bob@partner.example"}),
		"denied": {"recipient_not_named"},
	},
	"a task that isn't proven": {
		"task": object.union(named, {"labels": ["untrusted-mail"], "proven": false}), "denied": {"recipient_not_named"},
	},
	"a task that nobody made": {
		"task": object.union(named, {"labels": ["untrusted-mail"], "born": "request"}), "denied": {"recipient_not_named"},
	},
	"proven by a word": {
		"task": object.union(named, {"labels": ["untrusted-mail"], "proven": "true"}), "denied": {"recipient_not_named"},
	},
}

test_mail_goes_to_whom_the_user_named[name] if {
	some name, case in mails
	request := object.union(demo.ask(demo.senior, send), {"context": {"task": case.task}})
	refusals := flow.deny with input as request
	demo.codes(refusals) == case.denied
}

letters := {
	"one more": {"complete": true, "addresses": ["bob@partner.example", "eve@partner.example"]},
	"nobody": {"complete": true, "addresses": []},
	"not all could be read": {"complete": false, "addresses": ["bob@partner.example"]},
	"an address with two domains": {"complete": true, "addresses": ["eve@evil.example@partner.example"]},
	"another form": ["bob@partner.example"],
	"null": null,
}

test_all_recipients_must_be_named[name] if {
	some name, recipients in letters
	request := object.union(
		demo.ask(demo.senior, demo.but(send, {"resource/properties/facts/recipients": recipients})),
		{"context": {"task": object.union(named, {"labels": ["untrusted-mail"]})}},
	)
	refusals := flow.deny with input as request
	demo.codes(refusals) == {"recipient_not_named"}
}

test_a_tool_for_recipients_must_tell_them if {
	request := object.union(
		json.remove(demo.ask(demo.senior, send), ["resource/properties/facts/recipients"]),
		{"context": {"task": object.union(named, {"labels": ["untrusted-mail"]})}},
	)
	refusals := flow.deny with input as request
	demo.codes(refusals) == {"recipient_not_named"}
}

test_whoever_the_gateway_finds_is_written_to if {
	request := demo.after(demo.ask(demo.senior, send), ["untrusted-mail"])
	refusals := flow.deny with input as request
		with data.facts.tools as {"mail/send_email": {"effect": "write", "risk": "low", "arguments": {}}}
	demo.codes(refusals) == {"recipient_not_named"}
}

# gpt-4o is in a region that acme doesn't trust with credentials.
test_credentials_that_were_seen_stay_home[way] if {
	some way, what in object.union(ways_out, {"a model that isn't trusted with them": demo.invoke("gpt-4o")})
	"secrets_seen" in denied(what, ["secrets"])
}

test_credentials_may_be_worked_with_at_home[way] if {
	some way, what in inside
	denied(what, ["secrets"]) == set()
}

test_without_regions_for_credentials_those_of_all_data_count if {
	request := demo.after(demo.ask(demo.contractor, demo.invoke("gpt-4o-mini")), ["secrets"])
	refusals := flow.deny with input as request
	demo.is_empty(refusals)
}

test_credentials_go_to_nobody_whoever_is_named if {
	request := object.union(demo.ask(demo.senior, send), {"context": {"task": object.union(named, {"labels": ["secrets"]})}})
	refusals := flow.deny with input as request
	demo.codes(refusals) == {"secrets_seen"}
}

shared := object.union(data.facts.servers, {"files": {"tenants": ["acme", "globex"]}})

kept(id, action) := {"action": {"name": action, "properties": {}}, "resource": {"type": "storage", "id": id, "properties": {"region": "eu"}}}

# Who reads what is written, and whose data the task holds.
crossings := {
	"its own collection": {"what": demo.bring("handbook", []), "labels": ["confidential:acme"], "denied": set()},
	"a collection of another": {"what": demo.bring("globex-docs", []), "labels": ["confidential:acme"]},
	"with data of another": {"what": demo.bring("handbook", []), "labels": ["restricted:globex"]},
	"with data of both": {"what": demo.bring("handbook", []), "labels": ["confidential:acme", "confidential:globex"]},
	"a collection of both": {"what": demo.bring("wiki", []), "labels": ["confidential:acme"], "denied": set()},
	"a collection of both, with data of another": {"what": demo.bring("wiki", []), "labels": ["confidential:globex"]},
	"a collection of everybody": {"what": demo.bring("public-docs", []), "labels": ["confidential:acme"]},
	"an unknown collection": {"what": demo.but(demo.bring("wiki", []), {"resource/id": "none"}), "labels": ["confidential:acme"]},
	"a change": {"what": demo.on_collection("retrieval.update", "globex-docs"), "labels": ["confidential:acme"]},
	"reading": {"what": demo.query("handbook"), "labels": ["confidential:globex"], "denied": set()},
	"a file for its own": {"what": kept("openai", "file.create"), "labels": ["confidential:acme"], "denied": set()},
	"a file with data of another": {"what": kept("openai", "file.create"), "labels": ["confidential:globex"]},
	"a tool of its own": {"what": write_file, "labels": ["confidential:acme"], "denied": set()},
	"a tool of its own, with data of another": {"what": write_file, "labels": ["confidential:globex"]},
	"a tool that reads": {"what": read_file, "labels": ["confidential:globex"], "denied": set()},
	"what a tool gave": {
		"what": demo.but(write_file, {"action/properties/phase": "response"}), "labels": ["confidential:globex"], "denied": set(),
	},
	"a label that only looks like one": {"what": write_file, "labels": ["confidentially:globex"], "denied": set()},
}

test_what_one_tenant_has_no_other_gets_to_read[name] if {
	some name, case in crossings
	denied(case.what, case.labels) == object.get(case, "denied", {"data_of_another_tenant"})
}

crossings_by_facts := {
	"a server of both": {"what": write_file, "changes": {"facts/servers": shared}, "denied": {"data_of_another_tenant"}},
	"a server of both, a tool for one": {
		"what": write_file,
		"changes": {"facts/servers": shared, "facts/tools/files~1write_file/tenant": "acme"}, "denied": set(),
	},
	"a tool for another": {
		"what": write_file, "changes": {"facts/tools/files~1write_file/tenant": "globex"}, "denied": {"data_of_another_tenant"},
	},
	"an agent for another": {
		"what": message("planner"), "changes": {"facts/agents/planner/tenant": "globex"}, "denied": {"data_of_another_tenant"},
	},
	"a route for another": {
		"what": visit("notes"), "changes": {"facts/routes/notes/tenant": "globex"}, "denied": {"data_of_another_tenant"},
	},
	"a route for its own": {"what": visit("notes"), "changes": {"facts/routes/notes/tenant": "acme"}, "denied": set()},
}

test_facts_say_who_reads[name] if {
	some name, case in crossings_by_facts
	changed := json.patch({"facts": data.facts}, [{"op": "add", "path": path, "value": value} |
		some path, value in case.changes
	])
	refusals := flow.deny with input as demo.after(demo.ask(demo.senior, case.what), ["confidential:acme"])
		with data.facts as changed.facts
	demo.codes(refusals) == case.denied
}

content(what, found) := demo.but(demo.ask(demo.senior, what), {"context/content": found})

found_in_chat := content(demo.invoke("gpt-4o-mini"), {
	"secrets": {"github_token": 1}, "injection": {"phrase": 1}, "pii": {"iban": 1},
})

# What labels a task.
labelled := {
	"a page": {"request": demo.ask(demo.senior, read_page), "labels": {"untrusted-web"}},
	"an inbox": {
		"request": demo.ask(demo.senior, demo.call("mail/get_inbox", {})), "labels": {"untrusted-mail", "personal-data"},
	},
	"a file of the house": {"request": demo.ask(demo.senior, read_file), "labels": {"confidential-data"}},
	"a file for everybody": {"request": demo.ask(demo.senior, public_file), "labels": set()},
	"a file of the house, by a command": {
		"request": demo.ask(demo.senior, demo.but(demo.call("ops/run_command", {"command": "cat /workspace/a.md"}), {
			"resource/properties/facts/paths": [{"path": "/workspace/a.md"}],
		})),
		"labels": {"confidential-data"},
	},
	"a file that is written": {"request": demo.ask(demo.senior, write_file), "labels": set()},
	"notes that are read": {"request": demo.ask(demo.senior, visit("notes")), "labels": {"confidential-data"}},
	"notes that are written": {
		"request": demo.but(demo.ask(demo.senior, visit("notes")), {"action/properties/method": "POST"}), "labels": set(),
	},
	"seeing a page": {"request": demo.ask(demo.senior, demo.see_tool("web/read_page")), "labels": set()},
	"what detectors found in a chat": {
		"request": found_in_chat, "labels": {"secrets", "untrusted-instructions", "personal-data"},
	},
	"that they found nothing": {
		"request": content(demo.invoke("gpt-4o-mini"), {"secrets": {}, "injection": {}, "pii": {"iban": 0}}), "labels": set(),
	},
	"an address of somebody": {
		"request": content(demo.invoke("gpt-4o-mini"), {"pii": {"email": 3}}), "labels": set(),
	},
	"an account in a result": {
		"request": demo.ask(demo.senior, demo.gave(public_file, {"pii": {"iban": 1}})), "labels": {"personal-data"},
	},
	"an account in what is asked": {
		"request": demo.but(demo.ask(demo.senior, public_file), {"resource/properties/result": {"pii": {"iban": 1}}}),
		"labels": set(),
	},
}

test_what_is_read_labels_the_task[name] if {
	some name, case in labelled
	labels := flow.labels with input as case.request
	labels == case.labels
}

test_servers_agents_and_routes_label_what_they_give[name] if {
	some name, case in {
		"a server's tool": {"what": write_file, "path": "facts/servers/files/labels"},
		"a server's resource": {
			"what": demo.on_resource("resource.read", "files/file:///workspace/a.md"), "path": "facts/servers/files/labels",
		},
		"an agent": {"what": message("planner"), "path": "facts/agents/planner/labels"},
		"a route": {
			"what": demo.but(visit("notes"), {"action/properties/method": "POST"}), "path": "facts/routes/notes/labels",
		},
		"a host": {"what": connect, "path": "facts/hosts/pypi.org/labels"},
	}
	changed := json.patch({"facts": data.facts}, [{"op": "add", "path": case.path, "value": ["untrusted-x"]}])
	labels := flow.labels with input as demo.ask(demo.senior, case.what) with data.facts as changed.facts
	labels == {"untrusted-x"}
}

review := object.union(data.facts.tools["search/web_search"], {"removes": ["untrusted-*", "reviewed"]})

removals := {
	"a result": {"changes": {}, "labels": ["confidential:acme", "untrusted-mail", "untrusted-web"], "off": [["untrusted-mail", "untrusted-web"]]},
	"nothing to take off": {"changes": {}, "labels": ["confidential:acme"], "off": []},
	"an error": {"changes": {"resource/properties/result/is_error": true}, "labels": ["untrusted-web"], "off": []},
	"a result that isn't described": {"changes": {"resource/properties/result": null}, "labels": ["untrusted-web"], "off": []},
	"the call": {"changes": {"action/properties/phase": "request"}, "labels": ["untrusted-web"], "off": []},
	"another action": {"changes": {"action/name": "tool.list"}, "labels": ["untrusted-web"], "off": []},
	"another tool": {"changes": {"resource/id": "web/read_page"}, "labels": ["untrusted-web"], "off": []},
}

test_a_tool_for_it_takes_labels_off[name] if {
	some name, case in removals
	gave := demo.ask(demo.senior, demo.gave(demo.call("search/web_search", {"query": "x"}), {}))
	obliged := flow.obligations with input as demo.after(demo.but(gave, case.changes), case.labels)
		with data.facts.tools["search/web_search"] as review
	[one.properties.labels | some one in obliged] == case.off
	every one in obliged { one.type == "remove_labels" }
}

test_the_decision_hears_of_it if {
	request := demo.after(
		demo.ask(demo.senior, demo.gave(demo.call("search/web_search", {"query": "x"}), {})),
		["untrusted-web"],
	)
	answer := countersign.decision with input as request with data.facts.tools["search/web_search"] as review
	answer.obligations == [{"id": "flow.remove", "type": "remove_labels", "properties": {"labels": ["untrusted-web"]}}]
	read := countersign.decision with input as demo.ask(demo.senior, read_page)
	read.allow
	read.labels == ["untrusted-web"]
}
