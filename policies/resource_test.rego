package countersign.resource_test

import data.countersign
import data.countersign.demo

actions := ["resource.list", "resource.read", "resource.subscribe"]

codes(request) := {one.code | some one in countersign.decision.reasons with input as request}

cases := {
	"a file": {"id": "files/file:///workspace/a/b.md", "codes": {"resource_granted"}},
	"an encoded blank": {"id": "files/file:///workspace/a%20b.md", "codes": {"resource_granted"}},
	"the folder itself": {"id": "files/file:///workspace/", "codes": {"resource_granted"}},
	"a file elsewhere": {"id": "files/file:///etc/passwd", "codes": {"default_deny"}},
	"a folder that begins alike": {"id": "files/file:///workspace-2/a.md", "codes": {"default_deny"}},
	"upwards": {"id": "files/file:///workspace/../etc/passwd", "codes": {"default_deny"}},
	"upwards, encoded": {"id": "files/file:///workspace/%2E%2e/etc/passwd", "codes": {"default_deny"}},
	"upwards, encoded in part": {"id": "files/file:///workspace/.%2e/etc/passwd", "codes": {"default_deny"}},
	"an encoded slash": {"id": "files/file:///workspace/a%2Fb", "codes": {"default_deny"}},
	"twice encoded": {"id": "files/file:///workspace/%252e%252e/a", "codes": {"default_deny"}},
	"two slashes": {"id": "files/file:///workspace//etc", "codes": {"default_deny"}},
	"a backslash": {"id": "files/file:///workspace/..\\a", "codes": {"default_deny"}},
	"a host where none is": {"id": "files/file://evil.example/workspace/a.md", "codes": {"default_deny"}},
	"another scheme": {"id": "files/smb:///workspace/a.md", "codes": {"default_deny"}},
	"the scheme in other letters": {"id": "files/FILE:///workspace/a.md", "codes": {"default_deny"}},
	"a page": {"id": "search/https://docs.acme.example/a", "codes": {"resource_granted"}},
	"a page elsewhere": {"id": "search/https://docs.acme.example.evil.example/a", "codes": {"default_deny"}},
	"a name in the address": {
		"id": "search/https://docs.acme.example@evil.example/a", "codes": {"resource_host_private"},
	},
	"metadata": {"id": "search/http://169.254.169.254/latest", "codes": {"resource_host_private"}},
	"this machine": {"id": "search/http://localhost/", "codes": {"resource_host_private"}},
	"a number": {"id": "search/https://2130706433/", "codes": {"resource_host_private"}},
	"another of its forms": {"id": "search/https://0x7f.1/", "codes": {"resource_host_private"}},
	"in brackets": {"id": "search/https://[::1]/", "codes": {"resource_host_private"}},
	"a service inside": {"id": "search/redis://cache.internal:6379/", "codes": {"resource_host_private"}},
	"without slashes": {"id": "search/https:localhost", "codes": {"resource_host_private"}},
	"another server's": {"id": "search/file:///workspace/a.md", "codes": {"default_deny"}},
	"an unknown server's": {"id": "none/file:///workspace/a.md", "codes": {"server_not_yours", "not_for_this_purpose"}},
	"nothing": {"id": "files/", "codes": {"default_deny"}},
	"a server": {"id": "files", "codes": {"default_deny"}},
}

test_what_is_listed_can_be_read[name] if {
	some name, case in cases
	every action in actions {
		codes(demo.ask(demo.senior, demo.on_resource(action, case.id))) == case.codes
	}
}

test_private_hosts_stay_closed_even_if_listed if {
	request := demo.ask(demo.senior, demo.on_resource("resource.read", "files/http://10.0.0.1/a"))
	grants := [{"groups": ["ml-engineering"], "under": ["http://10.0.0.1/"]}]
	answer := countersign.decision with input as request with data.facts.servers.files.resources as grants
	demo.codes(answer.reasons) == {"resource_host_private"}
}

test_a_beginning_without_a_slash_is_one_resource if {
	grants := [{"groups": ["ml-engineering"], "under": ["note:1"]}]
	every uri, allowed in {"note:1": true, "note:11": false, "note:1/a": false} {
		request := demo.ask(demo.senior, demo.on_resource("resource.read", concat("/", ["files", uri])))
		answer := countersign.decision with input as request with data.facts.servers.files.resources as grants
		answer.allow == allowed
	}
}

test_groups_see_their_own if {
	every id, allowed in {"files/file:///public/a.md": true, "files/file:///workspace/a.md": false} {
		answer := countersign.decision with input as demo.ask(demo.analyst, demo.on_resource("resource.list", id))
		answer.allow == allowed
	}
}

test_other_tenants_see_none if {
	codes(demo.ask(demo.contractor, demo.on_resource("resource.list", "files/file:///public/a.md"))) == {"server_not_yours"}
}

templates := {
	"below a folder": {"template": "files/file:///workspace/{name}", "codes": {"template_granted"}},
	"deeper": {"template": "files/file:///workspace/notes/{+path}.md", "codes": {"template_granted"}},
	"above a folder": {"template": "files/file:///{+path}", "codes": {"default_deny"}},
	"beginning alike": {"template": "files/file:///workspace{+path}", "codes": {"default_deny"}},
	"upwards": {"template": "files/file:///workspace/../{path}", "codes": {"default_deny"}},
	"a host to fill in": {"template": "search/https://{host}/a", "codes": {"resource_host_private"}},
	"a host to go on with": {"template": "search/https://docs.acme.example{more}", "codes": {"default_deny"}},
	"a scheme to fill in": {"template": "search/http{s}://docs.acme.example/", "codes": {"resource_host_private"}},
	"nothing fixed": {"template": "files/{uri}", "codes": {"default_deny"}},
}

test_templates_stay_within[name] if {
	some name, case in templates
	codes(demo.ask(demo.senior, demo.on_template(case.template))) == case.codes
}

test_templates_are_listed_only if {
	request := demo.but(
		demo.ask(demo.senior, demo.on_template("files/file:///workspace/{name}")),
		{"action/name": "resource.read"},
	)
	codes(request) == {"default_deny"}
}

test_a_single_resource_opens_no_template if {
	request := demo.ask(demo.senior, demo.on_template("files/note:1{more}"))
	grants := [{"groups": ["ml-engineering"], "under": ["note:1"]}]
	not countersign.decision.allow with input as request with data.facts.servers.files.resources as grants
}

test_no_other_action_is_open if {
	request := demo.ask(demo.senior, demo.on_resource("tool.call", "files/file:///workspace/a.md"))
	not countersign.decision.allow with input as request
}
