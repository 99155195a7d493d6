package countersign.operator_test

import data.countersign.operator

key := {"id": "key:oncall", "person": "ann", "by": "key", "roles": ["fence-operator"], "groups": []}

person := {
	"id": "cid@acme.example",
	"person": "cid@acme.example",
	"by": "identity",
	"roles": [],
	"groups": ["fence-operator"],
	"tenant": "acme",
	"issuer": "https://idp.acme.example",
}

request(who, action, match) := {
	"operator": who,
	"action": action,
	"fence": {"match": match, "own": false},
}

codes(given) := found if {
	decision := operator.decision with input as given
	found := {one.code | some one in decision.reasons}
}

allowed(given) if {
	operator.decision.allow with input as given
}

test_a_key_with_the_role_may_fence_lift_and_list_everywhere if {
	every action in ["fence.add", "fence.lift", "fence.list"] {
		allowed(request(key, action, {"everything": "*"}))
	}
	codes(request(key, "fence.add", {"subject": "bob"})) == {"operator_granted"}
}

test_who_may_look_may_no_more if {
	viewer := object.union(key, {"roles": ["fence-viewer"]})
	allowed(request(viewer, "fence.list", {}))
	codes(request(viewer, "fence.add", {"subject": "bob"})) == {"default_deny"}
	codes(request(viewer, "fence.lift", {"subject": "bob"})) == {"default_deny"}
}

test_who_has_no_role_may_nothing if {
	nobody := object.union(key, {"roles": []})
	every action in ["fence.add", "fence.lift", "fence.list", "bundle.push"] {
		codes(request(nobody, action, {})) == {"default_deny"}
	}
}

test_what_is_not_listed_is_nobodys_right if codes(request(key, "bundle.remove", {})) == {"default_deny"}

test_a_person_fences_in_their_tenant_only if {
	allowed(request(person, "fence.add", {"tenant": "acme", "subject": "bob"}))
	every match in [{"tenant": "globex"}, {"subject": "bob"}, {"everything": "*"}, {}] {
		"other_tenant" in codes(request(person, "fence.add", match))
		"other_tenant" in codes(request(person, "fence.lift", match))
		"other_tenant" in codes(request(person, "fence.list", match))
	}
}

test_a_key_of_a_tenant_is_of_that_tenant_only if {
	tied := object.union(key, {"tenant": "acme"})
	allowed(request(tied, "fence.add", {"tenant": "acme"}))
	codes(request(tied, "fence.add", {"tenant": "globex"})) == {"other_tenant"}
}

test_a_group_is_of_all_tenants_where_its_issuer_may_say_so if {
	given := request(person, "fence.add", {"subject": "bob"})
	fleet := [{"issuer": "https://idp.acme.example", "group": "fence-operator"}]
	operator.decision.allow with input as given with data.operators.fleet as fleet
	other := [{"issuer": "https://idp.globex.example", "group": "fence-operator"}]
	not operator.decision.allow with input as given with data.operators.fleet as other
}

test_nobody_lifts_what_names_them if {
	given := request(key, "fence.lift", {"chain": "ann"})
	codes(object.union(given, {"fence": {"own": true}})) == {"own_fence"}
	nothing_said := object.union(request(key, "fence.lift", {"chain": "ann"}), {"fence": {"own": null}})
	codes(nothing_said) == {"own_fence"}
	allowed(object.union(given, {"action": "fence.list", "fence": {"own": true}}))
}

bump(who, action, match) := {"operator": who, "action": action, "epoch": {"match": match, "own": false}}

test_a_key_with_the_role_may_bump_everywhere if {
	epochs := object.union(key, {"roles": ["epoch-operator"]})
	every match in [{"everything": "*"}, {"subject": "bob"}, {"tenant": "acme"}] {
		allowed(bump(key, "epoch.bump", match))
		allowed(bump(epochs, "epoch.bump", match))
	}
	codes(request(epochs, "fence.add", {"subject": "bob"})) == {"default_deny"}
}

test_who_may_look_may_not_bump if {
	viewer := object.union(key, {"roles": ["fence-viewer"]})
	allowed(bump(viewer, "epoch.list", {}))
	codes(bump(viewer, "epoch.bump", {"subject": "bob"})) == {"default_deny"}
}

test_a_person_bumps_in_their_tenant_only if {
	allowed(bump(person, "epoch.bump", {"tenant": "acme", "subject": "bob"}))
	every match in [{"tenant": "globex"}, {"subject": "bob"}, {"everything": "*"}, {}] {
		"other_tenant" in codes(bump(person, "epoch.bump", match))
		"other_tenant" in codes(bump(person, "epoch.list", match))
	}
}

test_what_is_said_of_a_fence_says_nothing_of_an_epoch if {
	given := request(person, "epoch.bump", {"tenant": "acme"})
	"other_tenant" in codes(given)
	"other_tenant" in codes(object.union(bump(person, "fence.add", {"tenant": "acme"}), {"fence": {"own": false}}))
}

about(who, action, bundle) := {"operator": who, "action": action, "bundle": bundle}

test_roles_push_look_and_roll_back if {
	pusher := object.union(key, {"roles": ["bundle-pusher"]})
	viewer := object.union(key, {"roles": ["bundle-viewer"]})
	lead := object.union(key, {"roles": ["bundle-operator"]})
	actions := ["push", "list", "read", "refresh", "rollback", "override"]
	rights := {
		"lead": {one | some one in actions; allowed(about(lead, concat(".", ["bundle", one]), {"name": "main"}))},
		"pusher": {one | some one in actions; allowed(about(pusher, concat(".", ["bundle", one]), {"name": "main"}))},
		"viewer": {one | some one in actions; allowed(about(viewer, concat(".", ["bundle", one]), {"name": "main"}))},
		"fences": {one | some one in actions; allowed(about(key, concat(".", ["bundle", one]), {"name": "main"}))},
	}
	rights == {
		"lead": {"push", "list", "read", "refresh", "rollback", "override"},
		"pusher": {"push", "list", "read", "refresh"},
		"viewer": {"list"},
		"fences": set(),
	}
}

test_a_person_pushes_nothing_that_holds_in_all_tenants if {
	pusher := object.union(person, {"groups": ["bundle-pusher"]})
	"other_tenant" in codes(about(pusher, "bundle.push", {"name": "main"}))
	facts := {"acme-tools": {"tenant": "acme"}}
	given := about(pusher, "bundle.push", {"name": "acme-tools"})
	operator.decision.allow with input as given with data.operators.bundles as facts
	other := about(object.union(pusher, {"tenant": "globex"}), "bundle.push", {"name": "acme-tools"})
	not operator.decision.allow with input as other with data.operators.bundles as facts
}

test_a_bundle_may_be_for_some_roles_and_keys_only if {
	facts := {"payments": {"roles": ["payments-team"], "signed_by": ["payments-key"]}}
	pusher := object.union(key, {"roles": ["bundle-pusher"]})
	team := object.union(key, {"roles": ["bundle-pusher", "payments-team"]})
	not operator.decision.allow with input as about(pusher, "bundle.push", {"name": "payments"})
		with data.operators.bundles as facts
	operator.decision.allow with input as about(pusher, "bundle.push", {"name": "main"})
		with data.operators.bundles as facts

	# before it is read, nobody knows who signed it
	operator.decision.allow with input as about(team, "bundle.push", {"name": "payments"})
		with data.operators.bundles as facts
	read := {"name": "payments", "digest": "ab"}
	not operator.decision.allow with input as about(team, "bundle.push", read)
		with data.operators.bundles as facts
	other := object.union(read, {"signed_by": "other-key"})
	not operator.decision.allow with input as about(team, "bundle.push", other)
		with data.operators.bundles as facts
	own := object.union(read, {"signed_by": "payments-key"})
	operator.decision.allow with input as about(team, "bundle.push", own)
		with data.operators.bundles as facts
}

test_what_is_said_of_nobody_is_denied if {
	not operator.decision.allow with input as {}
	not operator.decision.allow with input as {"action": "fence.add", "operator": {"roles": ["fence-operator"]}}
}
