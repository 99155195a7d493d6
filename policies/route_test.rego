package countersign.route_test

import data.countersign
import data.countersign.demo

wants(method, path) := {
	"action": {"name": "http.request", "properties": {"phase": "request", "method": method, "cookies": [], "body": {}}},
	"resource": {"type": "route", "id": "notes", "properties": {
		"route": "notes",
		"region": "eu",
		"environment": "prod",
		"path": path,
		"query": {"names": [], "values": {}},
	}},
}

opens(path) := demo.but(wants("GET", path), {"action": {
	"name": "websocket.open",
	"properties": {"phase": "request", "subprotocols": [], "cookies": []},
}})

# Who may do what; what isn't named is denied.
may := {
	"read a page": {"senior", "analyst"},
	"read the whole": {"senior", "analyst"},
	"write": {"senior"},
	"delete": set(),
	"write elsewhere": set(),
	"open the live view": {"senior", "analyst"},
	"open something else": set(),
}

requests := {
	"read a page": wants("GET", "/pages/1"),
	"read the whole": wants("HEAD", "/"),
	"write": wants("POST", "/api/notes"),
	"delete": wants("DELETE", "/api/notes"),
	"write elsewhere": wants("POST", "/apis"),
	"open the live view": opens("/live"),
	"open something else": opens("/live/admin"),
}

test_who_may_do_what[case] if {
	some who, caller in demo.callers
	some what, request in requests
	case := concat(" ", [who, what])
	answer := countersign.decision with input as demo.ask(caller, request)
	expected := who in may[what]
	answer.allow == expected
}

test_a_message_goes_where_its_connection_may if {
	message := {"name": "websocket.message", "properties": {"phase": "request", "bytes": 2, "json": {}}}
	request := demo.but(demo.ask(demo.senior, opens("/live")), {"action": message})
	countersign.decision.allow with input as request
	not countersign.decision.allow with input as demo.but(request, {"resource/properties/path": "/other"})
}

test_what_is_missing_is_denied[path] if {
	some path in ["action/properties/method", "resource/properties/path", "resource/properties/region", "resource/properties/environment"]
	request := json.remove(demo.ask(demo.senior, wants("GET", "/pages/1")), [path])
	not countersign.decision.allow with input as request
}

test_an_unknown_route_is_denied if {
	request := demo.but(demo.ask(demo.senior, wants("GET", "/")), {"resource/id": "other"})
	answer := countersign.decision with input as request
	demo.codes(answer.reasons) == {"route_unknown"}
}

test_no_other_action_is_open[action] if {
	some action in ["model.invoke", "tool.call", "chain.invoke", "model.pull"]
	request := demo.but(demo.ask(demo.senior, wants("GET", "/")), {"action/name": action})
	not countersign.decision.allow with input as request
}

test_a_route_elsewhere_is_denied if {
	request := demo.but(demo.ask(demo.senior, wants("GET", "/")), {"resource/properties/region": "cn"})
	not countersign.decision.allow with input as request
}
