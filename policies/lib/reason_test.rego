package countersign.lib.reason_test

import data.countersign.lib.reason

metadata := {"title": "a message", "custom": {"id": "a.rule", "code": "insufficient_scope", "owner": "nobody"}}

test_a_reason_says_what_its_rule_says if {
	reason.from(metadata) == {"code": "insufficient_scope", "message": "a message", "rule": "a.rule"}
}

test_one_that_asks_for_more_says_for_what if {
	reason.needing(metadata, {"scope": "files:write"}) == {
		"code": "insufficient_scope",
		"message": "a message",
		"rule": "a.rule",
		"properties": {"scope": "files:write"},
	}
}

test_one_that_rests_on_labels_names_them_in_order if {
	reason.resting_on(metadata, {"b", "a"}).labels == ["a", "b"]
	many := {sprintf("l-%d", [i]) | some i in numbers.range(1, 100)}
	count(reason.resting_on(metadata, many).labels) == 64
}
