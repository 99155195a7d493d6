package countersign.client_test

import data.countersign
import data.countersign.demo

# As the gateway describes what is asked (docs/gateway-tool-facts.md).
clean := {"truncated": false, "secrets": {"count": 0, "kinds": {}, "at": []}}

form := {"mode": "form", "fields": ["city"], "asks_for_secret": false, "bytes": 100, "facts": clean}

link := {
	"mode": "url", "scheme": "https", "host": "login.acme.example",
	"asks_for_secret": false, "bytes": 100, "facts": clean,
}

sample := {
	"messages": 2, "max_tokens": 500, "tools": 0, "system_prompt": false,
	"include_context": "none", "bytes": 9, "facts": clean,
}

codes(request) := {one.code | some one in countersign.decision.reasons with input as request}

asked(action, server, base, changes) := demo.ask(
	demo.senior,
	demo.from_server(action, server, object.union(base, changes)),
)

elicitations := {
	"a form": {"server": "files", "base": form, "changes": {}, "codes": {"elicitation_granted"}},
	"a form that asks for a secret": {
		"server": "files", "base": form, "changes": {"asks_for_secret": true}, "codes": {"secret_asked_for"},
	},
	"a form of which it isn't said": {
		"server": "files", "base": form, "changes": {"asks_for_secret": null}, "codes": {"secret_asked_for"},
	},
	"a mode that isn't listed": {
		"server": "files", "base": link, "changes": {}, "codes": {"elicitation_host_not_listed"},
	},
	"a listed host": {"server": "search", "base": link, "changes": {}, "codes": {"elicitation_granted"}},
	"another host": {
		"server": "search", "base": link, "changes": {"host": "login.acme.example.evil.example"},
		"codes": {"elicitation_host_not_listed"},
	},
	"a listed host in the clear": {
		"server": "search", "base": link, "changes": {"scheme": "http"}, "codes": {"elicitation_host_not_listed"},
	},
	"a link that asks for a secret": {
		"server": "search", "base": link, "changes": {"asks_for_secret": true}, "codes": {"secret_asked_for"},
	},
	"an unknown mode": {
		"server": "search", "base": form, "changes": {"mode": "voice"}, "codes": {"elicitation_host_not_listed"},
	},
	"no mode": {"server": "search", "base": form, "changes": {"mode": null}, "codes": {"elicitation_host_not_listed"}},
}

test_nobody_is_told_secrets_by_being_asked if {
	every facts in [
		{"truncated": false, "secrets": {"count": 1}}, {"truncated": true, "secrets": {"count": 0}},
		{"truncated": false}, {"secrets": {"count": 0}}, {}, null,
	] {
		request := demo.but(
			demo.ask(demo.senior, demo.from_server("elicitation.create", "files", form)),
			{"resource/properties/facts": facts},
		)
		codes(request) == {"secrets_in_server_request"}
		sampled := demo.but(
			demo.ask(demo.senior, demo.from_server("sampling.create", "search", sample)),
			{"resource/properties/facts": facts},
		)
		codes(sampled) == {"secrets_in_server_request"}
	}
}

test_servers_ask_users_what_is_listed[name] if {
	some name, case in elicitations
	codes(asked("elicitation.create", case.server, case.base, case.changes)) == case.codes
}

test_a_listed_host_alone_opens_no_mode if {
	request := asked("elicitation.create", "files", link, {})
	answer := countersign.decision with input as request with data.facts.servers.files.elicitation.hosts as ["login.acme.example"]
	demo.codes(answer.reasons) == {"default_deny"}
}

samplings := {
	"within limits": {"changes": {}, "codes": {"sampling_granted"}},
	"at the limits": {"changes": {"max_tokens": 1000, "messages": 8}, "codes": {"sampling_granted"}},
	"too many tokens": {"changes": {"max_tokens": 1001}, "codes": {"default_deny"}},
	"too many messages": {"changes": {"messages": 9}, "codes": {"default_deny"}},
	"tokens below none": {"changes": {"max_tokens": -1}, "codes": {"default_deny"}},
	"tokens as text": {"changes": {"max_tokens": "5"}, "codes": {"default_deny"}},
	"no tokens stated": {"changes": {"max_tokens": null}, "codes": {"default_deny"}},
	"with tools": {"changes": {"tools": 1}, "codes": {"default_deny"}},
	"with others' context": {"changes": {"include_context": "allServers"}, "codes": {"default_deny"}},
}

test_servers_have_models_write_within_limits[name] if {
	some name, case in samplings
	codes(asked("sampling.create", "search", sample, case.changes)) == case.codes
}

test_limits_that_are_none_open_nothing if {
	request := asked("sampling.create", "search", sample, {})
	every limits in [{}, {"max_tokens": 1000}, {"messages": 8}, {"max_tokens": "z", "messages": 8}] {
		servers := {"search": {"tenants": ["acme"], "sampling": limits}}
		not countersign.decision.allow with input as request with data.facts.servers as servers
	}
}

test_what_is_not_listed_for_a_server_is_closed if {
	codes(asked("sampling.create", "files", sample, {})) == {"default_deny"}
	codes(asked("roots.list", "search", {}, {})) == {"default_deny"}
	codes(asked("roots.list", "files", {}, {})) == {"roots_granted"}
	codes(asked("tool.call", "files", {}, {})) == {"default_deny"}
}

test_servers_of_others_ask_nothing if {
	request := demo.ask(demo.contractor, demo.from_server("roots.list", "files", {}))
	codes(request) == {"server_not_yours"}
}

# As the gateway describes them: facts as of arguments (docs/gateway-tool-facts.md).
searched(count) := {"action": "accept", "fields": ["city"], "bytes": 9, "facts": {"truncated": false, "secrets": {"count": count, "kinds": {}, "at": []}}}

answers := {
	"clean": {"answer": searched(0), "codes": {"elicitation_granted"}},
	"a secret": {"answer": searched(1), "codes": {"secrets_in_client_answer"}},
	"not searched": {"answer": {"facts": {"truncated": false, "secrets": null}}, "codes": {"secrets_in_client_answer"}},
	"not searched as a whole": {"answer": {"facts": {"truncated": true, "secrets": {"count": 0}}}, "codes": {"secrets_in_client_answer"}},
	"no facts": {"answer": {"action": "accept", "bytes": 9}, "codes": {"secrets_in_client_answer"}},
	"counted elsewhere": {"answer": {"secrets": {"count": 0}}, "codes": {"secrets_in_client_answer"}},
	"not described": {"answer": null, "codes": {"secrets_in_client_answer"}},
}

test_answers_bring_no_secrets[name] if {
	some name, case in answers
	request := demo.but(
		asked("elicitation.create", "files", form, {"answer": case.answer}),
		{"action/properties/phase": "response"},
	)
	codes(request) == case.codes
}

test_answers_to_all_that_servers_ask if {
	every action, case in {
		"sampling.create": {"server": "search", "base": sample},
		"roots.list": {"server": "files", "base": {}},
	} {
		every phase in ["response", "", null] {
			request := demo.but(
				asked(action, case.server, case.base, {"answer": searched(1)}),
				{"action/properties/phase": phase},
			)
			codes(request) == {"secrets_in_client_answer"}
		}
	}
}
