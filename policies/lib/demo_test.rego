# METADATA
# title: The demo's world as inputs
# description: "For tests: who asks, for what. `ask(demo.senior, demo.invoke(\"gpt-4o\"))` gives a whole input."
package countersign.demo

senior := {
	"subject": {"type": "agent", "id": "agent:senior-assistant", "properties": {
		"tenant": "acme",
		"assurance": "bearer",
		"groups": ["ml-engineering", "ml-senior"],
		"department": "research",
		"chain": [{"type": "user", "id": "sam@acme.example"}, {"type": "agent", "id": "agent:senior-assistant"}],
		"delegation": {"depth": 1, "principal": {"type": "user", "id": "sam@acme.example"}},
	}},
	"device": {"id": "acme-laptop-17", "managed": true, "compliant": true},
}

analyst := {
	"subject": {"type": "workload", "id": "notebook:ada", "properties": {
		"tenant": "acme",
		"assurance": "bearer",
		"groups": ["data-science"],
		"department": "analytics",
		"chain": [{"type": "user", "id": "ada@acme.example"}, {"type": "workload", "id": "notebook:ada"}],
		"delegation": {"depth": 1, "principal": {"type": "user", "id": "ada@acme.example"}},
	}},
	"device": {"id": "acme-laptop-23", "managed": true, "compliant": true},
}

contractor := {
	"subject": {"type": "agent", "id": "agent:globex-helper", "properties": {
		"tenant": "globex",
		"assurance": "bearer",
		"groups": ["contractors"],
		"chain": [{"type": "user", "id": "kim@globex.example"}, {"type": "agent", "id": "agent:globex-helper"}],
		"delegation": {"depth": 1, "principal": {"type": "user", "id": "kim@globex.example"}},
	}},
	"device": {"id": "byod-5", "managed": false, "compliant": false},
}

ci := {"subject": {"type": "workload", "id": "job:nightly-eval", "properties": {
	"tenant": "acme",
	"assurance": "bearer",
	"groups": ["ci"],
	"chain": [{"type": "workload", "id": "job:nightly-eval"}],
	"delegation": {"depth": 0, "principal": {"type": "workload", "id": "job:nightly-eval"}},
}}}

callers := {"senior": senior, "analyst": analyst, "contractor": contractor, "ci": ci}

# As the gateway's catalogue states them.
models := {
	"gpt-4o": {"provider": "openai", "region": "us", "environment": "prod"},
	"gpt-4o-mini": {"provider": "openai", "region": "eu", "environment": "prod"},
	"llama-3.1-70b": {"provider": "internal", "region": "eu", "environment": "experiments"},
	"medical-llm": {"provider": "internal", "region": "eu", "environment": "prod"},
}

collections := {
	"handbook": {"environment": "prod", "region": "eu", "classification": "internal"},
	"patients": {"environment": "prod", "region": "eu", "classification": "restricted"},
	"globex-docs": {"environment": "prod", "region": "eu", "classification": "confidential"},
	"public-docs": {"environment": "prod", "region": "eu", "classification": "public"},
	"wiki": {"environment": "prod", "region": "eu", "store": "library"},
}

invoke(model) := {
	"action": {"name": "model.invoke", "properties": {"phase": "request", "stream": false}},
	"resource": {"type": "model", "id": model, "properties": models[model]},
}

see(model) := object.union(invoke(model), {"action": {"name": "model.list"}})

query(collection) := {
	"action": {"name": "retrieval.query", "properties": {"phase": "request"}},
	"resource": {"type": "collection", "id": collection, "properties": object.union(
		collections[collection],
		{"query": {"bytes": 12, "sha256": "…", "top_k": 5}},
	)},
}

on_collection(action, collection) := object.union(
	query(collection),
	{"action": {"name": action}},
)

on_store(action, store) := {
	"action": {"name": action, "properties": {"phase": "request"}},
	"resource": {"type": "store", "id": store, "properties": {"environment": "prod", "region": "eu", "store": store}},
}

# What came back of a query.
found(collection, documents) := object.union(query(collection), {
	"action": {"properties": {"phase": "response"}},
	"resource": {"properties": {
		"documents": documents,
		"recent": {"queries": 3, "narrow": 1, "window_s": 600},
	}},
})

bring(collection, documents) := object.union(
	on_collection("retrieval.write", collection),
	{"resource": {"properties": {"documents": documents}}},
)

call(tool, arguments) := {
	"action": {"name": "tool.call", "properties": {"phase": "request"}},
	"resource": {"type": "tool", "id": tool, "properties": {
		"arguments": arguments,
		"facts": facts,
		"definition_status": "approved",
	}},
}

see_tool(tool) := {
	"action": {"name": "tool.list", "properties": {"phase": "request"}},
	"resource": {"type": "tool", "id": tool, "properties": {"definition_status": "approved"}},
}

# What the gateway says of arguments in which there is nothing.
facts := {
	"chars": 10, "values": 1, "depth": 1, "texts": 1, "truncated": false,
	"urls": [], "hosts": [], "schemes": [], "private": false, "paths": [], "traversal": false,
	"secrets": {"count": 0, "kinds": {}, "at": []}, "pii": {}, "hidden": {}, "email_domains": [],
}

list_prompt(prompt) := {
	"action": {"name": "prompt.list", "properties": {"phase": "request"}},
	"resource": {"type": "prompt", "id": prompt, "properties": {}},
}

get_prompt(prompt, arguments) := {
	"action": {"name": "prompt.get", "properties": {"phase": "request"}},
	"resource": {"type": "prompt", "id": prompt, "properties": {"arguments": arguments, "facts": facts}},
}

on_resource(action, uri) := {
	"action": {"name": action, "properties": {"phase": "request"}},
	"resource": {"type": "resource", "id": uri, "properties": {}},
}

# What the gateway says of a result in which there is nothing.
result := {
	"bytes": 60, "is_error": false, "structured": {"present": false, "valid": true}, "blocks": {"text": 1},
	"media_types": [], "media": {"count": 0, "bytes": 0}, "links": links, "resources": links,
	"texts": 1, "chars": 5, "scanned": true, "why": [], "secrets": {}, "pii": {}, "injection": {},
}

links := {"count": 0, "schemes": [], "hosts": [], "private": false, "odd": false, "traversal": false}

# What came of a call, a read or a get: the same without what was asked.
gave(what, changes) := object.union(
	json.remove(what, ["resource/properties/arguments", "resource/properties/facts"]),
	{
		"action": {"properties": {"phase": "response"}},
		"resource": {"properties": {"result": object.union(result, changes)}},
	},
)

on_template(template) := {
	"action": {"name": "resource.list", "properties": {"phase": "request"}},
	"resource": {"type": "resource_template", "id": template, "properties": {}},
}

# What a tool server asks of its client.
from_server(action, server, properties) := {
	"action": {"name": action, "properties": {"phase": "request"}},
	"resource": {"type": "server", "id": server, "properties": object.union({"server": server}, properties)},
}

# 2026-11-18T10:00:00Z
hour_from := 1794996000

# A Wednesday morning on the internal network.
ask(caller, what) := object.union(what, {
	"subject": caller.subject,
	"context": {
		"source": {"ip": "10.0.0.7", "network": "internal", "region": "eu"},
		"device": object.get(caller, "device", {}),
		"time": {"hour": 10, "weekday": "wednesday", "zone": "UTC", "hour_from": hour_from, "hour_until": hour_from + 3600},
		"environment": "demo",
		"request": {"id": "r-1", "method": "POST", "path": "/"},
		"task": task,
	},
})

# One that began with this request.
task := {"id": "t-1", "proven": false, "born": "request", "depth": 0, "chain": [], "labels": []}

# The same request of a task that has picked up these labels.
after(request, labels) := but(request, {"context/task/labels": labels})

# The same request with other values: `but(request, {"context/time/hour": 5})`.
but(request, changes) := json.patch(request, [{"op": "add", "path": path, "value": value} | some path, value in changes])

is_empty(reasons) := count(reasons) == 0

codes(reasons) := {reason.code | some reason in reasons}
