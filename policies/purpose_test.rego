package countersign.purpose_test

import data.countersign
import data.countersign.demo
import data.countersign.purpose

whats := {
	"read": demo.call("files/read_file", {"path": "/workspace/a.md"}),
	"write": demo.call("files/write_file", {"path": "/workspace/a.md", "content": "x"}),
	"see write": demo.see_tool("files/write_file"),
	"search": demo.call("search/web_search", {"query": "x"}),
	"resource": demo.on_resource("resource.read", "files/file:///workspace/a.md"),
	"template": demo.on_template("files/file:///workspace/{name}"),
	"prompt": demo.list_prompt("files/summarise"),
	"agent": {
		"action": {"name": "agent.message", "properties": {"phase": "request"}},
		"resource": {
			"type": "agent", "id": "planner",
			"properties": {"agent": "planner", "parts": [{"kind": "text", "bytes": 5}], "parts_count": 1},
		},
	},
}

# What a purpose leaves of it.
cases := {
	"none": {"claims": {}, "left": object.keys(whats)},
	"review": {"claims": {"purpose": "review"}, "left": {"read", "resource", "template", "prompt"}},
	"review by a transaction": {"claims": {"tctx": {"purpose": "review"}}, "left": {"read", "resource", "template", "prompt"}},
	"research": {"claims": {"purpose": "research"}, "left": {"search", "agent"}},
	"one said twice": {"claims": {"purpose": "research", "tctx": {"purpose": "research"}}, "left": {"search", "agent"}},
	"two": {"claims": {"purpose": "research", "tctx": {"purpose": "review"}}, "left": set()},
	"an unknown one": {"claims": {"purpose": "leisure"}, "left": set()},
	"an empty one": {"claims": {"purpose": ""}, "left": set()},
	"null": {"claims": {"purpose": null}, "left": set()},
	"false": {"claims": {"purpose": false}, "left": set()},
	"a list": {"claims": {"purpose": ["review"]}, "left": set()},
}

test_a_purpose_leaves_what_it_needs[name] if {
	some name, case in cases
	case.left == {what |
		some what, request in whats
		refusals := purpose.deny with input as demo.but(demo.ask(demo.senior, request), {"subject/properties/claims": case.claims})
		demo.is_empty(refusals)
	}
}

test_what_a_caller_merely_says_is_no_purpose if {
	request := demo.but(demo.ask(demo.senior, whats.write), {
		"subject/properties/claims": {"purpose": "review"},
		"context/claimed": {"headers": {"purpose": "write"}},
		"context/task": {"id": "write", "purpose": "write", "proven": false},
	})
	refusals := purpose.deny with input as request
	demo.codes(refusals) == {"not_for_this_purpose"}
}

test_without_a_list_nothing_is_open_without_purpose if {
	every what in whats {
		refusals := purpose.deny with input as demo.ask(demo.senior, what) with data.facts.without_purpose as {}
		demo.codes(refusals) == {"not_for_this_purpose"}
	}
}

test_approving_has_no_purpose if {
	request := demo.but(
		demo.ask(demo.senior, whats["see write"]),
		{"subject/properties/claims": {"purpose": "review"}, "context/task": made_for("review"), "action/name": "tool.approve"},
	)
	refusals := purpose.deny with input as request
	demo.is_empty(refusals)
}

test_the_decision_hears_of_it[name] if {
	some name in ["write", "search", "agent"]
	request := demo.but(demo.ask(demo.senior, whats[name]), {"subject/properties/claims": {"purpose": "review"}})
	answer := countersign.decision with input as request
	demo.codes(answer.reasons) == {"not_for_this_purpose"}
}

made_for(purpose) := {"id": "t-1", "proven": true, "born": "created", "depth": 0, "labels": [], "purpose": purpose}

# What a task's purpose leaves of it, beside what credentials say.
tasks := {
	"review": {"claims": {}, "task": made_for("review"), "left": {"read", "resource", "template", "prompt"}},
	"research": {"claims": {}, "task": made_for("research"), "left": {"search", "agent"}},
	"the same as the token's": {"claims": {"purpose": "research"}, "task": made_for("research"), "left": {"search", "agent"}},
	"another than the token's": {"claims": {"purpose": "research"}, "task": made_for("review"), "left": set()},
	"an unknown one": {"claims": {}, "task": made_for("leisure"), "left": set()},
	"null": {"claims": {}, "task": made_for(null), "left": set()},
	"a list": {"claims": {}, "task": made_for(["review"]), "left": set()},
	"none": {"claims": {}, "task": object.remove(made_for(""), ["purpose"]), "left": object.keys(whats)},
	"one that is merely said": {
		"claims": {}, "task": object.union(made_for("review"), {"proven": false}), "left": object.keys(whats),
	},
	"proven by a word": {"claims": {}, "task": object.union(made_for("review"), {"proven": "yes"}), "left": object.keys(whats)},
}

test_a_tasks_purpose_only_narrows[name] if {
	some name, case in tasks
	case.left == {what |
		some what, request in whats
		changes := {"subject/properties/claims": case.claims, "context/task": case.task}
		refusals := purpose.deny with input as demo.but(demo.ask(demo.senior, request), changes)
		demo.is_empty(refusals)
	}
}

test_a_tasks_purpose_opens_nothing if {
	request := demo.but(demo.ask(demo.senior, whats.search), {"context/task": made_for("research")})
	refusals := purpose.deny with input as request with data.facts.without_purpose as {}
	demo.codes(refusals) == {"not_for_this_purpose"}
}

test_the_denial_says_whose_purpose_it_is if {
	request := demo.but(demo.ask(demo.senior, whats.write), {"context/task": made_for("review")})
	refusals := purpose.deny with input as request
	demo.codes(refusals) == {"not_for_this_task"}
}
