package countersign.tool_test

import data.countersign
import data.countersign.demo
import data.countersign.tool

calls := {
	"a file of the workspace": {"arguments": {"path": "/workspace/a/b.md"}, "denied": set(), "allowed": 1},
	"a public file": {"arguments": {"path": "/public/a.md"}, "denied": set(), "allowed": 1},
	"a file elsewhere": {"arguments": {"path": "/etc/passwd"}, "denied": set(), "allowed": 0},
	"a folder whose name only begins alike": {
		"arguments": {"path": "/workspace-2/a.md"},
		"denied": set(),
		"allowed": 0,
	},
	"a relative path": {"arguments": {"path": "workspace/a.md"}, "denied": set(), "allowed": 0},
	"no path": {"arguments": {}, "denied": set(), "allowed": 0},
	"a path of the wrong type": {
		"arguments": {"path": ["/public/a.md"]},
		"denied": {"arguments_not_allowed"},
		"allowed": 0,
	},
	"an unknown argument": {
		"arguments": {"path": "/public/a.md", "encoding": "raw"},
		"denied": {"arguments_not_allowed"},
		"allowed": 1,
	},
	"no object": {"arguments": ["/public/a.md"], "denied": {"arguments_not_allowed"}, "allowed": 0},
}

test_reading_is_open_by_folder[name] if {
	some name, case in calls
	request := demo.ask(demo.senior, demo.call("files/read_file", case.arguments))
	denied := tool.deny with input as request
	demo.codes(denied) == case.denied
	allowed := tool.allow with input as request
	count(allowed) == case.allowed
}

test_no_arguments_are_not_fitting_ones if {
	request := json.remove(
		demo.ask(demo.senior, demo.call("search/web_search", {})),
		["resource/properties/arguments"],
	)
	denied := tool.deny with input as request
	demo.codes(denied) == {"arguments_not_allowed"}
}

test_paths_must_be_in_plain_form[path] if {
	some path in [
		"/workspace/../etc/passwd",
		"/workspace/..",
		"/workspace//etc",
		"//workspace/a.md",
		"/workspace/./a.md",
		"/workspace/..\\a.md",
		"/workspace/%2e%2e/a.md",
		"/workspace/a.md\u0000.png",
	]
	every call in [
		demo.call("files/read_file", {"path": path}),
		demo.call("files/write_file", {"path": path, "content": "x"}),
		demo.call("files/delete_file", {"path": path}),
	] {
		denied := tool.deny with input as demo.ask(demo.senior, call)
		"path_not_plain" in demo.codes(denied)
	}
}

test_some_tools_are_forbidden[name] if {
	some name, what in {
		"call": demo.call("files/delete_file", {"path": "/workspace/a.md"}),
		"list": demo.see_tool("files/delete_file"),
	}
	denied := tool.deny with input as demo.ask(demo.senior, what)
	demo.codes(denied) == {"tool_forbidden"}
}

test_unknown_tools_are_denied[tool_id] if {
	some tool_id in ["files/format_disk", "shadow/read_file", "read_file", "files/read_file/", "Files/read_file"]
	every what in [demo.call(tool_id, {"path": "/public/a.md"}), demo.see_tool(tool_id)] {
		request := demo.ask(demo.senior, what)
		denied := tool.deny with input as request
		demo.codes(denied) == {"tool_unknown"}
		tool.allow == set() with input as request
	}
}

ops := {"ops/run_command", "ops/show_config", "ops/read_logs"}

# The last of them is a trap: whoever could be misled must see it.
mail := {"web/read_page", "mail/get_inbox", "mail/send_email", "mail/export_mailbox"}

# Who sees which tool.
sees := {
	"senior": ({"files/read_file", "files/write_file", "search/web_search"} | (ops | mail)),
	"analyst": ({"files/read_file", "search/web_search"} | (ops | mail)),
	"contractor": set(),
	"ci": ({"search/web_search"} | (ops | mail)),
}

test_tools_are_listed_for_who_could_call_them[who] if {
	some who, tools in sees
	tools == {tool_id |
		some tool_id in object.keys(data.facts.tools)
		allowed := tool.allow with input as demo.ask(demo.callers[who], demo.see_tool(tool_id))
		count(allowed) == 1
	}
}

runs := {
	"a program": {"entry": {"programs": ["ls"]}, "listed": true},
	"an interpreter": {"entry": {"interpreters": ["find"]}, "listed": true},
	"both, one of them empty": {"entry": {"programs": [], "interpreters": ["find"]}, "listed": true},
	"no program": {"entry": {"programs": []}, "listed": false},
	"neither": {"entry": {"programs": [], "interpreters": []}, "listed": false},
	"no commands": {"entry": {}, "listed": true},
}

test_tools_that_could_run_nothing_are_not_listed[name] if {
	some name, case in runs
	every opening in [
		{"tenants": ["acme"]},
		{"grants": [{"groups": ["ml-senior"], "under": ["/workspace/"]}]},
	] {
		entry := object.union({"arguments": {"path": "string"}}, object.union(case.entry, opening))
		allowed := tool.allow with input as demo.ask(demo.senior, demo.see_tool("files/shell"))
			with data.facts.tools as {"files/shell": entry}
		listed := count(allowed) == 1
		listed == case.listed
	}
}

unusable := {
	"no folder": {"arguments": {"path": "string"}, "grants": [{"groups": ["ml-senior"], "under": []}]},
	"a folder that is not plain": {"arguments": {"path": "string"}, "grants": [{"groups": ["ml-senior"], "under": ["/a/../"]}]},
	"no path": {"arguments": {"query": "string"}, "grants": [{"groups": ["ml-senior"], "under": ["/a/"]}]},
	"a path that is no text": {"arguments": {"path": "array"}, "grants": [{"groups": ["ml-senior"], "under": ["/a/"]}]},
	"another group": {"arguments": {"path": "string"}, "grants": [{"groups": ["ci"], "under": ["/a/"]}]},
}

test_grants_that_let_nothing_through_list_nothing[name] if {
	some name, entry in unusable
	allowed := tool.allow with input as demo.ask(demo.senior, demo.see_tool("files/any"))
		with data.facts.tools as {"files/any": entry}
	demo.is_empty(allowed)
}

test_an_entry_for_all_of_a_server_stands_behind_a_tools_own if {
	entries := {
		"files/*": {"arguments": {}, "tenants": ["acme"]},
		"files/read_file": {"arguments": {}, "tenants": ["globex"]},
	}
	every tool_id, listed in {"files/any": true, "files/read_file": false, "search/any": false} {
		allowed := tool.allow with input as demo.ask(demo.senior, demo.see_tool(tool_id)) with data.facts.tools as entries
		is_listed := count(allowed) == 1
		is_listed == listed
	}
}

pinned := {"search/web_search": {
	"arguments": {"query": "string"},
	"tenants": ["acme"],
	"definition_digest": "sha256:approved",
}}

test_a_pinned_definition_must_be_the_one[name] if {
	some name, case in {
		"approved": {"properties": {"definition_digest": "sha256:approved"}, "denied": set()},
		"changed": {"properties": {"definition_digest": "sha256:changed"}, "denied": {"tool_definition_changed"}},
		"not stated": {"properties": {}, "denied": {"tool_definition_changed"}},
	}
	request := demo.but(demo.ask(demo.ci, demo.see_tool("search/web_search")), {"resource/properties": case.properties})
	denied := tool.deny with input as request with data.facts.tools as pinned
	demo.codes(denied) == case.denied
}

test_other_actions_are_open_to_nobody[action] if {
	some action in ["resource.read", "prompt.get", "model.invoke", ""]
	every tool_id in ["files/read_file", "search/web_search"] {
		request := demo.but(
			demo.ask(demo.senior, demo.call(tool_id, {"path": "/public/a.md"})),
			{"action/name": action},
		)
		tool.allow == set() with input as request
	}
}

test_a_call_labels_its_task if {
	labelled := {"resource/properties/labels": ["customer-data", 7]}
	answer := countersign.decision with input as demo.but(
		demo.ask(demo.ci, demo.call("search/web_search", {"query": "x"})),
		labelled,
	)
	answer.labels == ["customer-data"]
	seen := countersign.decision with input as demo.but(demo.ask(demo.ci, demo.see_tool("search/web_search")), labelled)
	seen.labels == []
}
