package countersign.host_test

import data.countersign
import data.countersign.demo
import data.countersign.lib.host

connect(name, port) := {
	"action": {"name": "network.connect", "properties": {"phase": "request"}},
	"resource": {"type": "host", "id": sprintf("%s:%d", [name, port]), "properties": {
		"host": name,
		"port": port,
		"kind": "name",
		"private": false,
	}},
}

codes(request) := {one.code | some one in countersign.decision.reasons with input as request}

cases := {
	"a listed host": {"host": "pypi.org", "port": 443, "codes": {"host_granted"}},
	"another port": {"host": "pypi.org", "port": 22, "codes": {"default_deny"}},
	"below a listed name": {"host": "files.pythonhosted.org", "port": 443, "codes": {"host_granted"}},
	"deeper below it": {"host": "a.b.pythonhosted.org", "port": 443, "codes": {"host_granted"}},
	"that name itself": {"host": "pythonhosted.org", "port": 443, "codes": {"default_deny"}},
	"below a host that is listed alone": {"host": "test.pypi.org", "port": 443, "codes": {"default_deny"}},
	"ending alike": {"host": "evilpythonhosted.org", "port": 443, "codes": {"default_deny"}},
	"another host": {"host": "evil.example", "port": 443, "codes": {"default_deny"}},
	"an address": {"host": "10.0.0.1", "port": 443, "codes": {"host_private"}},
	"a public address": {"host": "8.8.8.8", "port": 443, "codes": {"host_private"}},
	"an address of six": {"host": "::1", "port": 443, "codes": {"host_private"}},
	"one in hexadecimal": {"host": "0x7f000001", "port": 443, "codes": {"host_private"}},
	"one with a last part in hexadecimal": {"host": "127.0.0.0x1", "port": 443, "codes": {"host_private"}},
	"this machine": {"host": "localhost", "port": 443, "codes": {"host_private"}},
	"below it": {"host": "a.localhost", "port": 443, "codes": {"host_private"}},
	"a single word": {"host": "redis", "port": 443, "codes": {"host_private"}},
	"a name inside": {"host": "db.corp.internal", "port": 443, "codes": {"host_private"}},
	"the same in capitals": {"host": "DB.CORP.INTERNAL", "port": 443, "codes": {"host_private"}},
	"a dot at the end": {"host": "db.internal.", "port": 443, "codes": {"host_private"}},
	"a listed host with a dot at its end": {"host": "pypi.org.", "port": 443, "codes": {"host_private"}},
	"other letters": {"host": "pyp\u0456.org", "port": 443, "codes": {"host_private"}},
	"a line break": {"host": "pypi.org\n", "port": 443, "codes": {"host_private"}},
	"a star": {"host": "*.pythonhosted.org", "port": 443, "codes": {"host_private"}},
	"nothing": {"host": "", "port": 443, "codes": {"host_private"}},
}

test_listed_hosts_are_open[name] if {
	some name, case in cases
	codes(demo.ask(demo.senior, connect(case.host, case.port))) == case.codes
}

test_private_hosts_stay_closed_even_if_listed if {
	entry := {"ports": [443], "groups": ["ml-engineering"]}
	request := demo.ask(demo.senior, connect("db.internal", 443))
	answer := countersign.decision with input as request with data.facts.hosts as {"db.internal": entry, "*.internal": entry}
	demo.codes(answer.reasons) == {"host_private"}
}

test_what_the_gateway_calls_private_is[name] if {
	some name, said in {"so": true, "not said": null}
	codes(demo.but(demo.ask(demo.senior, connect("pypi.org", 443)), {"resource/properties/private": said})) == {"host_private"}
}

test_hosts_are_open_to_their_groups[who] if {
	some who, allowed in {"senior": true, "ci": true, "analyst": false, "contractor": false}
	answer := countersign.decision with input as demo.ask(demo.callers[who], connect("pypi.org", 443))
	answer.allow == allowed
}

test_what_is_decided_is_what_is_named if {
	every id in ["evil.example:443", "pypi.org:22", "pypi.org", ""] {
		request := demo.but(demo.ask(demo.senior, connect("pypi.org", 443)), {"resource/id": id})
		not countersign.decision.allow with input as request
	}
}

test_no_other_action_is_open if {
	request := demo.but(demo.ask(demo.senior, connect("pypi.org", 443)), {"action/name": "http.request"})
	codes(request) == {"default_deny"}
}

hosts := {
	"https://a.example/": "a.example",
	"https://a.example": "a.example",
	"https://a.example:8443/x": "a.example",
	"https://a.example?x": "a.example",
	"git+ssh://a.example/": "a.example",
}

test_hosts_are_read_from_addresses[uri] if {
	some uri, name in hosts
	host.of(uri) == name
}

test_unclear_addresses_have_none[uri] if {
	some uri in ["https://u@a.example/", "https://u:p@a.example/", "https:a.example", "https:///a", "https://a.example:x/", "https://[::1]/"]
	not host.of(uri)
}

test_names_of_many_parts_are_not_looked_up if {
	long := concat(".", [sprintf("a%d", [i]) | some i in numbers.range(1, 40)])
	not host.listed_as(long)
	host.listed_as("a.b.c") == {"a.b.c", "*.b.c", "*.c"}
}
