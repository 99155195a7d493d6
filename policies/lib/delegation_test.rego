package countersign.lib.delegation_test

import data.countersign.demo
import data.countersign.lib.delegation

user := {"type": "user", "id": "ann", "issuer": "idp"}

service := {"type": "workload", "id": "svc", "issuer": "idp"}

a := {"type": "agent", "id": "agent-a", "issuer": "idp", "key": "agent-a"}

b := {"type": "agent", "id": "agent-b", "issuer": "idp", "key": "agent-b"}

namesake := {"type": "agent", "id": "agent-a", "issuer": "other", "key": "other agent-a"}

foreign := object.union(one, {"caller": namesake, "actors": [namesake]})

one := {"depth": 1, "principal": user, "user": user, "caller": a, "actors": [a], "scopes": ["read", "write"]}

two := object.union(one, {"depth": 2, "caller": b, "actors": [a, b]})

direct := {"depth": 0, "principal": user, "user": user, "caller": user, "actors": []}

without(facts, name) := object.remove(facts, {name})

ask(facts) := demo.but(demo.ask(demo.senior, demo.invoke("gpt-4o")), {"subject/properties/delegation": facts})

# user ∩ agent ∩ scopes, with one left out or broken in each case
permitted := {
	"all have it": {"facts": one, "user": {"read"}, "agent": {"read"}},
	"arrays do as well": {"facts": one, "user": ["read"], "agent": ["read"]},
	"by the agent's key": {"facts": one, "user": {"read"}, "agent": {"agent-a": {"read"}}},
	"every agent of the chain": {"facts": two, "user": {"read"}, "agent": {"agent-a": {"read"}, "agent-b": {"read", "write"}}},
	"an agent of another issuer by its issuer": {"facts": foreign, "user": {"read"}, "agent": {"other agent-a": {"read"}}},
	"for a service": {"facts": object.union(without(one, "user"), {"principal": service}), "user": {"read"}, "agent": {"read"}},
}

refused := {
	"the user lacks it": {"facts": one, "user": {"write"}, "agent": {"read"}},
	"the agent lacks it": {"facts": one, "user": {"read"}, "agent": {"write"}},
	"the scopes lack it": {"facts": object.union(one, {"scopes": ["write"]}), "user": {"read"}, "agent": {"read"}},
	"no scope": {"facts": object.union(one, {"scopes": []}), "user": {"read"}, "agent": {"read"}},
	"unscoped": {"facts": without(one, "scopes"), "user": {"read"}, "agent": {"read"}},
	"scopes as one text": {"facts": object.union(one, {"scopes": "read write"}), "user": {"read"}, "agent": {"read"}},
	"scopes as an object": {"facts": json.patch(one, [{"op": "add", "path": "scopes", "value": {"x": "read"}}]), "user": {"read"}, "agent": {"read"}},
	"scopes null": {"facts": object.union(one, {"scopes": null}), "user": {"read"}, "agent": {"read"}},
	"scopes false": {"facts": object.union(one, {"scopes": false}), "user": {"read"}, "agent": {"read"}},
	"nothing for the user": {"facts": one, "user": set(), "agent": {"read"}},
	"nothing for the agent": {"facts": one, "user": {"read"}, "agent": set()},
	"user permissions null": {"facts": one, "user": null, "agent": {"read"}},
	"user permissions true": {"facts": one, "user": true, "agent": {"read"}},
	"user permissions as an object's values": {"facts": one, "user": {"x": "read"}, "agent": {"read"}},
	"agent permissions as an object's values": {"facts": one, "user": {"read"}, "agent": {"agent-a": "read"}},
	"agent permissions null": {"facts": one, "user": {"read"}, "agent": null},
	"another agent's permissions": {"facts": one, "user": {"read"}, "agent": {"agent-b": {"read"}}},
	"its namesake's permissions": {"facts": foreign, "user": {"read"}, "agent": {"agent-a": {"read"}}},
	"an agent without a key": {"facts": object.union(one, {"actors": [object.remove(a, {"key"})]}), "user": {"read"}, "agent": {"agent-a": {"read"}}},
	"an earlier agent lacks it": {"facts": two, "user": {"read"}, "agent": {"agent-a": {"write"}, "agent-b": {"read"}}},
	"an earlier agent isn't known": {"facts": two, "user": {"read"}, "agent": {"agent-b": {"read"}}},
	"one set for two agents": {"facts": two, "user": {"read"}, "agent": {"read"}},
	"nobody acts": {"facts": direct, "user": {"read"}, "agent": {"read"}},
	"nobody acts, by id": {"facts": object.union(direct, {"scopes": ["read"]}), "user": {"read"}, "agent": {}},
	"no facts": {"facts": {}, "user": {"read"}, "agent": {"read"}},
	"facts null": {"facts": null, "user": {"read"}, "agent": {"read"}},
	"depth as text": {"facts": object.union(one, {"depth": "1"}), "user": {"read"}, "agent": {"read"}},
	"a depth that isn't the actors'": {"facts": object.union(one, {"depth": 2}), "user": {"read"}, "agent": {"agent-a": {"read"}}},
	"no actors": {"facts": object.union(one, {"actors": []}), "user": {"read"}, "agent": {"read"}},
	"actors as an object": {"facts": json.patch(one, [{"op": "add", "path": "actors", "value": {"0": a}}]), "user": {"read"}, "agent": {"read"}},
}

test_permitted[name] if {
	some name, case in permitted
	delegation.permits(case.user, case.agent, "read") with input as ask(case.facts)
	delegation.permits_unscoped(case.user, case.agent, "read") with input as ask(case.facts)
}

test_refused[name] if {
	some name, case in refused
	not delegation.permits(case.user, case.agent, "read") with input as ask(case.facts)
}

# Saying that unscoped means everything changes that one case, and no other.
test_refused_unscoped[name] if {
	some name, case in object.remove(refused, {"unscoped"})
	not delegation.permits_unscoped(case.user, case.agent, "read") with input as ask(case.facts)
}

test_unscoped if {
	facts := without(one, "scopes")
	delegation.permits_unscoped({"read"}, {"read"}, "read") with input as ask(facts)
	not delegation.permits_unscoped({"read"}, {"write"}, "read") with input as ask(facts)
	not delegation.permits_unscoped({"write"}, {"read"}, "read") with input as ask(facts)
}

test_permissions_that_are_undefined if {
	count([1 | delegation.permits(data.no.such.permissions, {"read"}, "read")]) == 0 with input as ask(one)
	count([1 | delegation.permits({"read"}, data.no.such.permissions, "read")]) == 0 with input as ask(one)
	count([1 | delegation.permits({"read"}, {"read"}, data.no.such.wish)]) == 0 with input as ask(one)
}

test_wishes_that_are_none[name] if {
	some name, wanted in {"empty": "", "null": null, "a list": ["read"], "true": true}
	everything := {"", null, ["read"], true}
	not delegation.permits_with(everything, everything, everything, wanted) with input as ask(one)
}

test_delegated_otherwise if {
	delegation.permits_with({"read"}, {"read"}, {"read"}, "read") with input as ask(without(one, "scopes"))
	not delegation.permits_with({"read"}, {"read"}, set(), "read") with input as ask(one)
	not delegation.permits_with({"read"}, {"read"}, {"read"}, "read") with input as ask(direct)
}

test_alone if {
	delegation.permits_alone({"read"}, "read") with input as ask(direct)
	delegation.permits_alone({"read"}, "read") with input as ask(object.union(direct, {"scopes": ["read"]}))
}

alone_refused := {
	"without the permission": {"facts": direct, "own": {"write"}},
	"beyond the scopes": {"facts": object.union(direct, {"scopes": ["write"]}), "own": {"read"}},
	"with no scope": {"facts": object.union(direct, {"scopes": []}), "own": {"read"}},
	"with scopes null": {"facts": object.union(direct, {"scopes": null}), "own": {"read"}},
	"with scopes false": {"facts": object.union(direct, {"scopes": false}), "own": {"read"}},
	"through an agent": {"facts": one, "own": {"read"}},
	"without facts": {"facts": {}, "own": {"read"}},
	"with actors after all": {"facts": object.union(direct, {"actors": [a]}), "own": {"read"}},
}

test_not_alone[name] if {
	some name, case in alone_refused
	not delegation.permits_alone(case.own, "read") with input as ask(case.facts)
}

test_depth if {
	delegation.is_within(1) with input as ask(one)
	delegation.is_within(2) with input as ask(two)
	delegation.is_within(0) with input as ask(direct)
	not delegation.is_within(1) with input as ask(two)
	not delegation.is_within(0) with input as ask(one)
	not delegation.is_within(-1) with input as ask(direct)
	not delegation.is_within("9") with input as ask(one)
	not delegation.is_within("9") with input as ask(direct)
	not delegation.is_within(9) with input as ask({})
}

test_names if {
	delegation.user.id == "ann" with input as ask(two)
	delegation.caller.id == "agent-b" with input as ask(two)
	delegation.principal.id == "ann" with input as ask(two)
	not delegation.user with input as ask({"depth": 0, "principal": service, "caller": service, "actors": []})
}
