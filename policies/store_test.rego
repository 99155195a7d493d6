package countersign.store_test

import data.countersign
import data.countersign.demo
import data.countersign.store

may := {
	"store.describe": {"senior", "analyst", "ci"},
	"collection.list": {"senior", "analyst", "ci", "contractor"},
	"collection.create": set(),
	"retrieval.query": set(),
}

test_stores_are_open_by_action_and_group[name] if {
	some action, groups in may
	some who, caller in demo.callers
	name := concat(" ", [who, action])
	request := demo.ask(caller, demo.on_store(action, "library"))
	allowed := store.allow with input as request
	expected := who in groups
	demo.is_empty(allowed) != expected
	answer := countersign.decision with input as request
	answer.allow == expected
}

test_no_grant_opens_what_concerns_a_collection if {
	facts := {"library": {"grants": {"retrieval.query": ["data-science"]}}}
	store.allow == set() with input as demo.ask(demo.analyst, demo.on_store("retrieval.query", "library"))
		with data.facts.stores as facts
}

test_a_store_that_nobody_knows if {
	denied := store.deny with input as demo.ask(demo.senior, demo.on_store("store.describe", "elsewhere"))
	demo.codes(denied) == {"store_unknown"}
	answer := countersign.decision with input as demo.ask(demo.senior, demo.on_store("store.describe", "elsewhere"))
	demo.codes(answer.reasons) == {"store_unknown"}
}
