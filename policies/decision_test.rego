package countersign.decision_test

import data.countersign
import data.countersign.demo

# Who may use what, on the internal network during working hours. What isn't named is denied.
may := {
	"invoke gpt-4o": {"senior"},
	"invoke gpt-4o-mini": {"senior", "analyst", "contractor", "ci"},
	"invoke llama-3.1-70b": {"senior", "analyst"},
	"invoke medical-llm": {"senior"},
	"read /workspace/plan.md": {"senior"},
	"read /public/notes.md": {"senior", "analyst"},
	"write /workspace/plan.md": {"senior"},
	"write /public/notes.md": set(),
	"delete /workspace/plan.md": set(),
	"search the web": {"senior", "analyst", "ci"},
	"call an unknown tool": set(),
	"query handbook": {"senior", "analyst", "ci"},
	"query patients": {"senior"},
	"query globex-docs": {"contractor"},
	"query public-docs": {"senior", "analyst", "contractor", "ci"},
	"query wiki": {"senior", "analyst", "contractor", "ci"},
	"export wiki": set(),
	"export handbook": {"senior"},
	"write to wiki": {"senior", "analyst"},
	"delete from wiki": {"senior"},
	"list library": {"senior", "analyst", "contractor", "ci"},
	"see what library is": {"senior", "analyst", "ci"},
}

calls := {
	"invoke gpt-4o": demo.invoke("gpt-4o"),
	"invoke gpt-4o-mini": demo.invoke("gpt-4o-mini"),
	"invoke llama-3.1-70b": demo.invoke("llama-3.1-70b"),
	"invoke medical-llm": demo.invoke("medical-llm"),
	"read /workspace/plan.md": demo.call("files/read_file", {"path": "/workspace/plan.md"}),
	"read /public/notes.md": demo.call("files/read_file", {"path": "/public/notes.md"}),
	"write /workspace/plan.md": demo.call("files/write_file", {"path": "/workspace/plan.md", "content": "x"}),
	"write /public/notes.md": demo.call("files/write_file", {"path": "/public/notes.md", "content": "x"}),
	"delete /workspace/plan.md": demo.call("files/delete_file", {"path": "/workspace/plan.md"}),
	"search the web": demo.call("search/web_search", {"query": "x"}),
	"call an unknown tool": demo.call("files/format_disk", {}),
	"query handbook": demo.query("handbook"),
	"query patients": demo.query("patients"),
	"query globex-docs": demo.query("globex-docs"),
	"query public-docs": demo.query("public-docs"),
	"query wiki": demo.query("wiki"),
	"export wiki": demo.on_collection("retrieval.export", "wiki"),
	"export handbook": demo.on_collection("retrieval.export", "handbook"),
	"write to wiki": demo.bring("wiki", [{"classification": "internal"}]),
	"delete from wiki": demo.on_collection("retrieval.delete", "wiki"),
	"list library": demo.on_store("collection.list", "library"),
	"see what library is": demo.on_store("store.describe", "library"),
}

test_who_may_use_what[case] if {
	some who, caller in demo.callers
	some what, call in calls
	case := concat(" ", [who, what])
	answer := countersign.decision with input as demo.ask(caller, call)
	expected := who in may[what]
	answer.allow == expected
}

test_lists_agree_with_invocations[case] if {
	some who, caller in demo.callers
	some model, _ in demo.models
	case := concat(" ", [who, model])
	seen := countersign.decision with input as demo.ask(caller, demo.see(model))
	used := countersign.decision with input as demo.ask(caller, demo.invoke(model))
	seen.allow == used.allow
	seen.reasons == used.reasons
}

test_an_allow_names_the_rules_that_allow if {
	answer := countersign.decision with input as demo.ask(demo.senior, demo.invoke("gpt-4o"))
	answer == {
		"allow": true,
		"reasons": [{"code": "tier_granted", "message": "your groups may use models of this tier", "rule": "model.use"}],
		"obligations": [],
		"labels": [],
		"ttl": 60,
	}
}

test_a_deny_names_all_rules_that_deny_in_order if {
	answer := countersign.decision with input as demo.ask(demo.contractor, demo.invoke("llama-3.1-70b"))
	not answer.allow
	answer.ttl == 10
	answer.obligations == []
	[reason.code | some reason in answer.reasons] == [
		"contractor_environment_not_listed",
		"contractor_model_not_listed",
		"environment_not_granted",
	]
}

test_deny_beats_allow if {
	outside := object.union(
		demo.ask(demo.senior, demo.invoke("medical-llm")),
		{"context": {"source": {"network": "external"}}},
	)
	count(countersign.allow) == 1 with input as outside
	answer := countersign.decision with input as outside
	not answer.allow
	demo.codes(answer.reasons) == {"network_not_internal"}
}

test_a_lost_fact_never_turns_a_deny_into_an_allow[case] if {
	some case, request in {
		"a model": demo.ask(demo.contractor, demo.invoke("llama-3.1-70b")),
		"a restricted model": demo.ask(demo.ci, demo.invoke("medical-llm")),
		"a collection": demo.ask(demo.analyst, demo.query("patients")),
		"a path": demo.ask(demo.senior, demo.call("files/read_file", {"path": "/workspace/../a.md"})),
		"a tool": demo.ask(demo.senior, demo.call("files/delete_file", {"path": "/workspace/a.md"})),
	}
	every path in lost_of(request.resource.id) {
		facts := json.remove(data.facts, [path])
		not countersign.decision.allow with input as request with data.facts as facts
	}
}

# Facts about other things of a kind than the one that is asked for are left out: they are many, and looked up by id.
lost_of(id) := {path | some path in lost; not about_another(path, id)}

about_another(path, id) if {
	count(path) > 1
	path[0] in {"models", "tools", "collections", "stores", "storage", "agents", "routes", "chains", "functions"}
	path[1] != id
	not endswith(path[1], "*")
}

# The path of each fact and of each table of facts.
lost contains path if {
	walk(data.facts, [path, _])
	count(path) > 0
	every key in path { is_string(key) }
}

test_a_deny_without_ttl_stays_a_deny if {
	request := demo.but(demo.ask(demo.senior, demo.invoke("medical-llm")), {"context/source/network": "external"})
	not countersign.decision.allow with input as request with data.facts.ttl as {"allow": 60}
}

test_what_no_rule_allows_is_denied[case] if {
	some case, change in {
		"an action of another kind": {"action": {"name": "tool.call"}},
		"an action that is open to nobody": {"action": {"name": "agent.message"}},
		"an unknown kind of resource": {"resource": {"type": "database"}},
	}
	answer := countersign.decision with input as object.union(demo.ask(demo.senior, demo.invoke("gpt-4o")), change)
	not answer.allow
	answer.reasons == [{"code": "default_deny", "message": "no rule allows this", "rule": "decision.default"}]
	answer.ttl == 10
}

test_obligations_and_labels_come_with_the_allow if {
	answer := countersign.decision with input as demo.ask(demo.senior, demo.query("patients"))
	answer.labels == ["restricted-data"]
	answer.obligations == [{
		"id": "retrieval.filter",
		"type": "filter",
		"properties": {"include": "countersign/document/include"},
	}]
}

test_contractors_get_their_limit_with_the_allow if {
	answer := countersign.decision with input as demo.ask(demo.contractor, demo.invoke("gpt-4o-mini"))
	answer.obligations == [{
		"id": "contractor.tokens",
		"type": "limit_tokens",
		"properties": {"max_tokens": 256},
	}]
}

# Every field that an allow rests on, by what is asked.
needed := {
	"invoke medical-llm": (common | {
		"resource/properties/environment", "resource/properties/region",
		"context/source", "context/source/network",
		"context/device", "context/device/managed", "context/device/compliant",
		"context/time", "context/time/hour", "context/time/weekday",
	}),
	"query patients": (common | {
		"subject/properties/department",
		"resource/properties/environment", "resource/properties/region",
		"resource/properties/query", "resource/properties/query/top_k",
		"context/source", "context/source/network",
		"context/device", "context/device/managed", "context/device/compliant",
	}),
	"write to wiki": (common | {
		"resource/properties/environment", "resource/properties/region", "resource/properties/documents",
	}),
	"read /workspace/plan.md": (common | {"resource/properties/arguments", "resource/properties/arguments/path"}),
	"search the web": (common | {"resource/properties/arguments"}),
}

common := {
	"subject", "subject/properties", "subject/properties/tenant", "subject/properties/groups",
	"action", "action/name",
	"resource", "resource/type", "resource/id", "resource/properties",
}

test_a_missing_field_denies[case] if {
	some what, paths in needed
	some path in paths
	case := concat(" without ", [what, path])
	answer := countersign.decision with input as json.remove(demo.ask(demo.senior, calls[what]), [path])
	not answer.allow
}

test_a_field_of_the_wrong_type_denies[case] if {
	some what, paths in needed
	some path in paths
	some value in wrong_for(what, path)
	case := sprintf("%s with %s as %v", [what, path, value])
	changed := json.patch(
		demo.ask(demo.senior, calls[what]),
		[{"op": "replace", "path": path, "value": value}],
	)
	answer := countersign.decision with input as changed
	not answer.allow
}

wrong_for(what, path) := values - right[what][path]

wrong_for(what, path) := values if not right[what][path]

values := {null, true, 99, -1, "", "x", [], ["x"], [["ml-senior"]], {}, {"x": "ml-senior"}}

# The values that are right after all.
right := {
	"invoke medical-llm": {"context/device/managed": {true}, "context/device/compliant": {true}},
	"query patients": {"context/device/managed": {true}, "context/device/compliant": {true}},
	"write to wiki": {"resource/properties/documents": {[]}},
	"search the web": {"resource/properties/arguments": {{}}, "subject/properties/groups": {[], ["x"]}},
}

test_input_that_is_no_object_denies[case] if {
	some case in [null, true, 0, "", "x", [], {}]
	answer := countersign.decision with input as case
	not answer.allow
}

test_without_facts_nothing_is_allowed if {
	every call in calls {
		not countersign.decision.allow with input as demo.ask(demo.senior, call) with data.facts as {}
	}
}

test_each_reason_says_code_message_and_rule if {
	every caller in demo.callers {
		every call in calls {
			answer := countersign.decision with input as demo.ask(caller, call)
			every reason in answer.reasons {
				{"code", "message", "rule"} == object.keys(reason)
			}
		}
	}
}
