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
