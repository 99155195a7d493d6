package countersign.argument_test

import data.countersign
import data.countersign.argument
import data.countersign.demo

shell_entry := {
	"effect": "write", "risk": "high", "arguments": {"command": "string"}, "tenants": ["acme"],
	"programs": ["ls", "git"], "interpreters": ["find"], "under": ["/workspace/"],
}

mail_entry := {
	"effect": "external", "risk": "low", "arguments": {"to": "string"}, "tenants": ["acme"],
	"recipients": ["acme.example"], "hosts": ["*.acme.example", "pypi.org"],
}

sql_entry := {
	"effect": "read", "risk": "low", "arguments": {"query": "string"}, "tenants": ["acme"],
	"statements": ["select", "values"], "languages": ["python"],
}

text_entry := {
	"effect": "read", "risk": "low", "arguments": {"text": "string"}, "tenants": ["acme"],
	"private_hosts": true,
}

plain_entry := {"effect": "read", "risk": "low", "arguments": {"text": "string"}, "tenants": ["acme"]}

entries := {
	"files/shell": shell_entry, "files/mail": mail_entry, "files/sql": sql_entry,
	"files/text": text_entry, "files/plain": plain_entry,
}

ask(tool, facts) := demo.but(
	demo.ask(demo.senior, demo.call(concat("/", ["files", tool]), {})),
	{"resource/properties/facts": object.union(demo.facts, facts)},
)

denied(request) := codes if {
	refusals := argument.deny with input as request with data.facts.tools as entries
	codes := demo.codes(refusals)
}

command(changes) := object.union(
	{
		"argv": ["ls"], "program": "ls", "by": "name", "redirects": [], "env": [],
		"background": false, "pipeline": 0, "substitution": false, "via": null,
	},
	changes,
)

shell(changes) := {"shell": object.union(
	{"complete": true, "why": [], "programs": [], "interpreters": [], "commands": [command({})]},
	changes,
)}

# As the gateway describes a path.
path(of, changes) := {"paths": [object.union(
	{
		"path": of, "absolute": startswith(of, "/"), "traversal": false,
		"escapes": false, "home": false, "odd": false,
	},
	changes,
)]}

url(of, changes) := {"hosts": [of], "urls": [object.union(
	{"scheme": "https", "host": of, "port": 443, "ip": false, "private": false, "userinfo": false, "odd": false},
	changes,
)]}

cases := {
	"nothing special": {"tool": "plain", "facts": {}, "codes": set()},
	"a secret": {
		"tool": "plain", "facts": {"secrets": {"count": 1, "kinds": {"github_token": 1}, "at": ["/text"]}},
		"codes": {"secrets_in_arguments"},
	},
	"a secret where private hosts may be": {
		"tool": "text", "facts": {"secrets": {"count": 2}}, "codes": {"secrets_in_arguments"},
	},
	"a count that is none": {"tool": "plain", "facts": {"secrets": {"count": "0"}}, "codes": {"secrets_in_arguments"}},
	"secrets not looked for": {"tool": "plain", "facts": {"secrets": null}, "codes": {"secrets_in_arguments"}},
	"too much": {"tool": "plain", "facts": {"truncated": true}, "codes": {"arguments_not_searched"}},
	"not said whether too much": {"tool": "plain", "facts": {"truncated": null}, "codes": {"arguments_not_searched"}},
	"something else than mapped": {"tool": "plain", "facts": {"unreadable": 1}, "codes": {"arguments_not_searched"}},
	"a public address": {"tool": "plain", "facts": url("pypi.org", {}), "codes": set()},
	"a private address": {
		"tool": "plain", "facts": object.union(url("10.0.0.1", {"private": true}), {"private": true}),
		"codes": {"private_host_in_arguments"},
	},
	"one that says so in one place only": {
		"tool": "plain", "facts": url("10.0.0.1", {"private": true}), "codes": {"private_host_in_arguments"},
	},
	"or in the other": {"tool": "plain", "facts": {"private": true}, "codes": {"private_host_in_arguments"}},
	"an odd address": {"tool": "plain", "facts": url("pypi.org", {"odd": true}), "codes": {"private_host_in_arguments"}},
	"an address with a name in it": {
		"tool": "plain", "facts": url("pypi.org", {"userinfo": true}), "codes": {"private_host_in_arguments"},
	},
	"addresses that aren't described": {"tool": "plain", "facts": {"urls": ["x"]}, "codes": {"private_host_in_arguments"}},
	"a private address in a text": {
		"tool": "text", "facts": object.union(url("10.0.0.1", {"private": true}), {"private": true}), "codes": set(),
	},
	"a listed host": {"tool": "mail", "facts": url("pypi.org", {}), "codes": set()},
	"a host below a listed one": {"tool": "mail", "facts": url("a.b.acme.example", {}), "codes": set()},
	"the name above it": {"tool": "mail", "facts": url("acme.example", {}), "codes": {"host_not_listed"}},
	"a host that ends alike": {"tool": "mail", "facts": url("xacme.example", {}), "codes": {"host_not_listed"}},
	"a host that isn't listed": {"tool": "mail", "facts": url("evil.example", {}), "codes": {"host_not_listed"}},
	"hosts that are no list": {"tool": "mail", "facts": {"hosts": "pypi.org"}, "codes": {"host_not_listed"}},
	"a recipient": {"tool": "mail", "facts": {"recipient_domains": ["acme.example"]}, "codes": set()},
	"a recipient elsewhere": {
		"tool": "mail", "facts": {"recipient_domains": ["acme.example", "evil.example"]},
		"codes": {"recipient_not_listed"},
	},
	"a recipient where none are listed": {
		"tool": "plain", "facts": {"recipient_domains": ["acme.example"]}, "codes": {"recipient_not_listed"},
	},
	"a recipient of another type": {"tool": "mail", "facts": {"recipient_domains": false}, "codes": {"recipient_not_listed"}},
	"a listed program": {"tool": "shell", "facts": shell({}), "codes": set()},
	"another program": {
		"tool": "shell", "facts": shell({"commands": [command({}), command({"program": "rm"})]}),
		"codes": {"program_not_listed"},
	},
	"no command": {"tool": "shell", "facts": {}, "codes": {"program_not_listed"}},
	"an empty command": {"tool": "shell", "facts": shell({"commands": []}), "codes": {"program_not_listed"}},
	"a line that isn't understood": {"tool": "shell", "facts": shell({"complete": false}), "codes": {"program_not_listed"}},
	"a program by its path": {
		"tool": "shell", "facts": shell({"commands": [command({"by": "path"})]}), "codes": {"program_not_listed"},
	},
	"a redirection": {
		"tool": "shell", "facts": shell({"commands": [command({"redirects": [{"op": ">", "target": "a"}]})]}),
		"codes": {"program_not_listed"},
	},
	"in the background": {
		"tool": "shell", "facts": shell({"commands": [command({"background": true})]}), "codes": {"program_not_listed"},
	},
	"within a substitution": {
		"tool": "shell", "facts": shell({"commands": [command({"substitution": true})]}), "codes": {"program_not_listed"},
	},
	"a program that may run others": {
		"tool": "shell", "facts": shell({"interpreters": ["git"], "commands": [command({"program": "git"})]}),
		"codes": {"program_not_listed"},
	},
	"one that is listed as such": {
		"tool": "shell", "facts": shell({"interpreters": ["find"], "commands": [command({"program": "find"})]}),
		"codes": set(),
	},
	"not said which may": {"tool": "shell", "facts": shell({"interpreters": null}), "codes": {"program_not_listed"}},
	"a command where none is listed": {"tool": "plain", "facts": shell({}), "codes": {"program_not_listed"}},
	"a path below": {"tool": "shell", "facts": object.union(shell({}), path("/workspace/a", {})), "codes": set()},
	"the folder itself": {"tool": "shell", "facts": object.union(shell({}), path("/workspace", {})), "codes": set()},
	"a relative path": {"tool": "shell", "facts": object.union(shell({}), path("a/b", {})), "codes": set()},
	"a path elsewhere": {
		"tool": "shell", "facts": object.union(shell({}), path("/etc/passwd", {})), "codes": {"path_not_listed"},
	},
	"a folder that begins alike": {
		"tool": "shell", "facts": object.union(shell({}), path("/workspace-2", {})), "codes": {"path_not_listed"},
	},
	"a path upwards": {
		"tool": "shell", "facts": object.union(shell({}), object.union(path("a", {}), {"traversal": true})),
		"codes": {"path_not_listed"},
	},
	"somebody's home": {
		"tool": "shell", "facts": object.union(shell({}), path("~/a", {"home": true})), "codes": {"path_not_listed"},
	},
	"an odd path": {
		"tool": "shell", "facts": object.union(shell({}), path("a", {"odd": true})), "codes": {"path_not_listed"},
	},
	"a path where none are listed": {"tool": "plain", "facts": path("/etc/passwd", {}), "codes": set()},
	"a query": {"tool": "sql", "facts": code({}), "codes": set()},
	"a query that isn't understood": {"tool": "sql", "facts": code({"complete": false}), "codes": {"code_not_listed"}},
	"another statement": {"tool": "sql", "facts": code({"statements": ["select", "drop"]}), "codes": {"code_not_listed"}},
	"another word": {"tool": "sql", "facts": code({"uses": ["into"]}), "codes": {"code_not_listed"}},
	"no statement": {"tool": "sql", "facts": code({"statements": []}), "codes": {"code_not_listed"}},
	"a listed language": {"tool": "sql", "facts": code({"language": "python", "complete": false}), "codes": set()},
	"another language": {"tool": "sql", "facts": code({"language": "javascript"}), "codes": {"code_not_listed"}},
	"code where none is listed": {"tool": "plain", "facts": code({}), "codes": {"code_not_listed"}},
	"code of another type": {"tool": "sql", "facts": {"code": false}, "codes": {"code_not_listed"}},
}

code(changes) := {"code": [object.union(
	{"language": "sql", "complete": true, "imports": [], "uses": ["select"], "statements": ["select"]},
	changes,
)]}

test_arguments_are_judged_by_their_facts[name] if {
	some name, case in cases
	denied(ask(case.tool, case.facts)) == case.codes
}

test_sql_is_no_language_to_list if {
	entry := object.union(plain_entry, {"languages": ["sql"]})
	refusals := argument.deny with input as ask("plain", code({"statements": ["drop"]}))
		with data.facts.tools as {"files/plain": entry}
	demo.codes(refusals) == {"code_not_listed"}
}

test_tools_that_act_outside_need_hosts if {
	entry := object.remove(mail_entry, ["hosts"])
	refusals := argument.deny with input as ask("mail", url("pypi.org", {}))
		with data.facts.tools as {"files/mail": entry}
	demo.codes(refusals) == {"host_not_listed"}
}

test_a_tool_of_interpreters_alone_runs_commands if {
	entry := object.remove(shell_entry, ["programs"])
	every facts in [{}, shell({})] {
		refusals := argument.deny with input as ask("shell", facts) with data.facts.tools as {"files/shell": entry}
		demo.codes(refusals) == {"program_not_listed"}
	}
}

test_facts_that_are_none_are_not_good_ones if {
	every facts in [null, false, "x", []] {
		request := demo.but(ask("plain", {}), {"resource/properties/facts": facts})
		denied(request) == {"secrets_in_arguments", "arguments_not_searched", "private_host_in_arguments"}
	}
}

test_the_decision_hears_of_it if {
	call := demo.call("files/read_file", {"path": "/public/a.md"})
	prompt := demo.get_prompt("files/summarise", {"path": "a"})
	every what in [call, prompt] {
		request := demo.but(
			demo.ask(demo.senior, what),
			{"resource/properties/facts": object.union(demo.facts, {"secrets": {"count": 1}})},
		)
		answer := countersign.decision with input as request
		not answer.allow
		demo.codes(answer.reasons) == {"secrets_in_arguments"}
	}
}

test_tools_that_list_hosts_are_held_to_them if {
	entry := object.union(plain_entry, {"hosts": ["pypi.org"]})
	every name, codes in {"pypi.org": set(), "evil.example": {"host_not_listed"}} {
		refusals := argument.deny with input as ask("plain", url(name, {}))
			with data.facts.tools as {"files/plain": entry}
		demo.codes(refusals) == codes
	}
}

test_arguments_that_nobody_looked_at_are_denied if {
	every tool in ["plain", "shell", "mail"] {
		denied(json.remove(ask(tool, {}), ["resource/properties/facts"])) == {"arguments_not_searched"}
	}
}
