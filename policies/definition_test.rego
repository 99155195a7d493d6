package countersign.definition_test

import data.countersign
import data.countersign.demo

approve(tool, properties) := {
	"action": {"name": "tool.approve", "properties": {"phase": "request"}},
	"resource": {"type": "tool", "id": tool, "properties": object.union(
		{"definition_status": "new", "definition_flags": [], "effect": "read", "risk": "low"},
		properties,
	)},
}

codes(request) := {one.code | some one in countersign.decision.reasons with input as request}

quarantine := {
	"approved": {"status": "approved", "codes": {"tool_granted"}},
	"new": {"status": "new", "codes": {"definition_quarantined"}},
	"changed": {"status": "changed", "codes": {"definition_quarantined"}},
	"unknown": {"status": "fine", "codes": {"definition_quarantined"}},
	"null": {"status": null, "codes": {"definition_quarantined"}},
	"false": {"status": false, "codes": {"definition_quarantined"}},
}

test_only_approved_definitions_are_used[name] if {
	some name, case in quarantine
	every what in [demo.see_tool("search/web_search"), demo.call("search/web_search", {"query": "x"})] {
		codes(demo.but(demo.ask(demo.ci, what), {"resource/properties/definition_status": case.status})) == case.codes
	}
}

test_a_digest_in_the_facts_approves if {
	every digest, allowed in {"sha256:approved": true, "sha256:changed": false, "": false} {
		request := demo.but(demo.ask(demo.ci, demo.see_tool("search/web_search")), {
			"resource/properties/definition_status": "new",
			"resource/properties/definition_digest": digest,
		})
		answer := countersign.decision with input as request
			with data.facts.tools["search/web_search"].definition_digest as "sha256:approved"
		answer.allow == allowed
	}
}

test_servers_that_are_tried_out_need_no_approval if {
	request := demo.but(demo.ask(demo.ci, demo.see_tool("search/web_search")), {"resource/properties/definition_status": "new"})
	every said, allowed in {"allowed": true, "denied": false, "": false} {
		answer := countersign.decision with input as request with data.facts.servers.search.unapproved as said
		answer.allow == allowed
	}
}

approvals := {
	"a new one": {"what": approve("search/web_search", {}), "codes": {"first_use_approved"}},
	"by one who may not call it": {
		"what": approve("files/write_file", {"effect": "write", "risk": "high"}), "codes": {"first_use_approved"},
	},
	"a changed one": {"what": approve("search/web_search", {"definition_status": "changed"}), "codes": {"default_deny"}},
	"an approved one": {"what": approve("search/web_search", {"definition_status": "approved"}), "codes": {"default_deny"}},
	"a flagged one": {
		"what": approve("search/web_search", {"definition_flags": ["hidden_characters"]}), "codes": {"default_deny"},
	},
	"one without flags": {"what": approve("search/web_search", {"definition_flags": null}), "codes": {"default_deny"}},
	"one worse than listed": {"what": approve("search/web_search", {"effect": "write"}), "codes": {"effect_not_listed"}},
	"an unknown tool": {
		"what": approve("search/other", {}), "codes": {"tool_unknown", "effect_not_listed", "risk_not_listed"},
	},
	"a forbidden tool": {"what": approve("files/delete_file", {}), "codes": {"tool_forbidden"}},
}

test_new_definitions_are_approved[name] if {
	some name, case in approvals
	codes(demo.ask(demo.ci, case.what)) == case.codes
}

test_servers_without_that_wait_for_a_person if {
	every said in ["never", null, true] {
		request := demo.ask(demo.ci, approve("search/web_search", {}))
		not countersign.decision.allow with input as request with data.facts.servers.search.approve as said
	}
}

test_critical_tools_wait_for_a_person if {
	request := demo.ask(demo.ci, approve("search/web_search", {}))
	not countersign.decision.allow with input as request with data.facts.tools["search/web_search"].risk as "critical"
}

test_another_tenant_approves_nothing if {
	codes(demo.ask(demo.contractor, approve("search/web_search", {}))) == {"server_not_yours"}
}

test_approval_is_nothing_but_that if {
	request := demo.but(demo.ask(demo.ci, approve("files/read_file", {})), {
		"action/name": "tool.call",
		"resource/properties/definition_status": "approved",
		"resource/properties/arguments": {"path": "/etc/passwd"},
	})
	not countersign.decision.allow with input as request
}
