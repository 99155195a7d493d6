# METADATA
# title: The demo's world as inputs
# description: "For tests: who asks, for what. `ask(demo.senior, demo.invoke(\"gpt-4o\"))` gives a whole input."
package countersign.demo

senior := {
	"subject": {"type": "agent", "id": "agent:senior-assistant", "properties": {
		"tenant": "acme",
		"groups": ["ml-engineering", "ml-senior"],
		"department": "research",
		"chain": [{"type": "user", "id": "sam@acme.example"}, {"type": "agent", "id": "agent:senior-assistant"}],
	}},
	"device": {"id": "acme-laptop-17", "managed": true, "compliant": true},
}

analyst := {
	"subject": {"type": "workload", "id": "notebook:ada", "properties": {
		"tenant": "acme",
		"groups": ["data-science"],
		"department": "analytics",
		"chain": [{"type": "user", "id": "ada@acme.example"}, {"type": "workload", "id": "notebook:ada"}],
	}},
	"device": {"id": "acme-laptop-23", "managed": true, "compliant": true},
}

contractor := {
	"subject": {"type": "agent", "id": "agent:globex-helper", "properties": {
		"tenant": "globex",
		"groups": ["contractors"],
		"chain": [{"type": "user", "id": "kim@globex.example"}, {"type": "agent", "id": "agent:globex-helper"}],
	}},
	"device": {"id": "byod-5", "managed": false, "compliant": false},
}

ci := {"subject": {"type": "workload", "id": "job:nightly-eval", "properties": {
	"tenant": "acme",
	"groups": ["ci"],
	"chain": [{"type": "workload", "id": "job:nightly-eval"}],
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

call(tool, arguments) := {
	"action": {"name": "tool.call", "properties": {"phase": "request"}},
	"resource": {"type": "tool", "id": tool, "properties": {"arguments": arguments}},
}

see_tool(tool) := {
	"action": {"name": "tool.list", "properties": {"phase": "request"}},
	"resource": {"type": "tool", "id": tool, "properties": {}},
}

# A Wednesday morning on the internal network.
ask(caller, what) := object.union(what, {
	"subject": caller.subject,
	"context": {
		"source": {"ip": "10.0.0.7", "network": "internal", "region": "eu"},
		"device": object.get(caller, "device", {}),
		"time": {"hour": 10, "weekday": "wednesday", "zone": "UTC"},
		"environment": "demo",
		"request": {"id": "r-1", "method": "POST", "path": "/"},
	},
})

# The same request with other values: `but(request, {"context/time/hour": 5})`.
but(request, changes) := json.patch(request, [{"op": "add", "path": path, "value": value} | some path, value in changes])

is_empty(reasons) := count(reasons) == 0

codes(reasons) := {reason.code | some reason in reasons}
