package countersign.server_test

import data.countersign
import data.countersign.demo

connect(server) := {
	"action": {"name": "tool.list", "properties": {"phase": "request"}},
	"resource": {"type": "server", "id": server, "properties": {"server": server}},
}

test_a_tenant_speaks_to_its_servers if {
	every server in ["files", "search"] {
		countersign.decision.allow with input as demo.ask(demo.senior, connect(server))
	}
}

test_another_tenant_does_not if {
	every server in ["files", "search"] {
		not countersign.decision.allow with input as demo.ask(demo.contractor, connect(server))
	}
}

test_an_unknown_server_is_denied if {
	not countersign.decision.allow with input as demo.ask(demo.senior, connect("none"))
}

test_only_listing_is_allowed_on_a_server if {
	request := demo.but(demo.ask(demo.senior, connect("files")), {"action/name": "tool.call"})
	not countersign.decision.allow with input as request
}
