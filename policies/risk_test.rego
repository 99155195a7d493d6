package countersign.risk_test

import data.countersign
import data.countersign.demo
import data.countersign.risk

entries := {
	"files/read": {"effect": "read", "risk": "low"},
	"files/write": {"effect": "write", "risk": "medium"},
	"files/send": {"effect": "external", "risk": "high"},
	"files/admin": {"effect": "write", "risk": "critical"},
	"files/unsaid": {},
	"files/misspelt": {"effect": "reed", "risk": "lo"},
	"search/*": {"effect": "external", "risk": "high"},
}

denied(tool, properties, subject) := codes if {
	what := {
		"action": {"name": "tool.call", "properties": {"phase": "request"}},
		"resource": {"type": "tool", "id": tool, "properties": properties},
	}
	refusals := risk.deny with input as demo.but(demo.ask(demo.senior, what), subject)
		with data.facts.tools as entries
	codes := demo.codes(refusals)
}

stated := {
	"as listed": {"tool": "files/read", "said": {"effect": "read", "risk": "low"}, "codes": set()},
	"less than listed": {"tool": "files/write", "said": {"effect": "read", "risk": "low"}, "codes": set()},
	"not stated": {"tool": "files/write", "said": {}, "codes": set()},
	"a worse effect": {"tool": "files/read", "said": {"effect": "write", "risk": "low"}, "codes": {"effect_not_listed"}},
	"the worst effect": {"tool": "files/write", "said": {"effect": "external", "risk": "low"}, "codes": {"effect_not_listed"}},
	"a higher risk": {"tool": "files/read", "said": {"effect": "read", "risk": "medium"}, "codes": {"risk_not_listed"}},
	"the gateway's defaults": {
		"tool": "files/read", "said": {"effect": "write", "risk": "high"},
		"codes": {"effect_not_listed", "risk_not_listed"},
	},
	"unknown words": {
		"tool": "files/send", "said": {"effect": "none", "risk": "lowest"},
		"codes": {"effect_not_listed", "risk_not_listed"},
	},
	"other types": {
		"tool": "files/send", "said": {"effect": false, "risk": null},
		"codes": {"effect_not_listed", "risk_not_listed"},
	},
	"an entry that doesn't say": {
		"tool": "files/unsaid", "said": {"effect": "read", "risk": "low"},
		"codes": {"effect_not_listed", "risk_not_listed", "assurance_too_low"},
	},
	"an entry that doesn't say, nor the gateway": {
		"tool": "files/unsaid", "said": {},
		"codes": {"effect_not_listed", "risk_not_listed", "assurance_too_low"},
	},
	"an entry of unknown words": {
		"tool": "files/misspelt", "said": {},
		"codes": {"effect_not_listed", "risk_not_listed", "assurance_too_low"},
	},
	"what reads, of a server listed as a whole": {
		"tool": "search/any", "said": {"effect": "read", "risk": "high"}, "codes": set(),
	},
	"what writes, of a server listed as a whole": {
		"tool": "search/any", "said": {"effect": "write", "risk": "low"}, "codes": {"effect_not_listed"},
	},
	"what isn't stated, of a server listed as a whole": {
		"tool": "search/any", "said": {}, "codes": {"effect_not_listed", "risk_not_listed"},
	},
	"no entry": {
		"tool": "other/any", "said": {"effect": "read", "risk": "low"},
		"codes": {"effect_not_listed", "risk_not_listed", "assurance_too_low"},
	},
}

test_facts_say_the_most[name] if {
	some name, case in stated
	denied(case.tool, case.said, {}) == case.codes
}

# Annotations are the server's own claims.
test_annotations_open_nothing if {
	said := {"effect": "write", "risk": "high", "annotations": {"readOnlyHint": true, "destructiveHint": false}}
	denied("files/read", said, {}) == {"effect_not_listed", "risk_not_listed"}
}

chains := {
	"person": {"depth": 1, "principal": {"type": "user"}},
	"job": {"depth": 1, "principal": {"type": "workload"}},
	"none": {},
}

callers := {
	"low by key": {"tool": "files/read", "by": "api_key", "chain": "job", "codes": set()},
	"low by nothing": {"tool": "files/read", "by": "none", "chain": "job", "codes": {"assurance_too_low"}},
	"low by an unknown word": {"tool": "files/read", "by": "best", "chain": "job", "codes": {"assurance_too_low"}},
	"medium by key": {"tool": "files/write", "by": "api_key", "chain": "job", "codes": {"assurance_too_low"}},
	"medium by token": {"tool": "files/write", "by": "bearer", "chain": "job", "codes": set()},
	"high for a person": {"tool": "files/send", "by": "bearer", "chain": "person", "codes": set()},
	"high for a job": {"tool": "files/send", "by": "attested", "chain": "job", "codes": {"no_human_in_chain"}},
	"high for nobody": {"tool": "files/send", "by": "attested", "chain": "none", "codes": {"no_human_in_chain"}},
	"critical by token": {"tool": "files/admin", "by": "dpop", "chain": "person", "codes": {"assurance_too_low"}},
	"critical by certificate": {"tool": "files/admin", "by": "mtls", "chain": "person", "codes": set()},
	"critical, attested": {"tool": "files/admin", "by": "attested", "chain": "person", "codes": set()},
	"critical for a job": {"tool": "files/admin", "by": "mtls", "chain": "job", "codes": {"no_human_in_chain"}},
}

test_risk_needs_proof_and_people[name] if {
	some name, case in callers
	denied(case.tool, {}, {
		"subject/properties/assurance": case.by,
		"subject/properties/delegation": chains[case.chain],
	}) == case.codes
}

test_a_tier_that_does_not_say_needs_both if {
	denied("files/read", {}, {"subject/properties/delegation": chains.job}) == {"assurance_too_low", "no_human_in_chain"}
		with data.facts.risks.low as {"rank": 0}
}

# Whoever happens to list a server's tools first need not be one who may call them all.
test_approving_needs_no_strong_caller if {
	what := {
		"action": {"name": "tool.approve", "properties": {"phase": "request"}},
		"resource": {"type": "tool", "id": "files/admin", "properties": {"effect": "write", "risk": "critical"}},
	}
	refusals := risk.deny with input as demo.ask(demo.ci, what) with data.facts.tools as entries
	demo.is_empty(refusals)
}

test_the_decision_hears_of_it if {
	request := demo.but(
		demo.ask(demo.senior, demo.call("files/read_file", {"path": "/public/a.md"})),
		{"resource/properties/effect": "write"},
	)
	answer := countersign.decision with input as request
	demo.codes(answer.reasons) == {"effect_not_listed"}
}
