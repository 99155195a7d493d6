package countersign.wellformed_test

import data.countersign.demo
import data.countersign.wellformed

usual := demo.ask(demo.senior, demo.invoke("gpt-4o"))

cases := {
	"a usual request": {"changes": {}, "denied": set()},
	"no groups at all": {"changes": {"subject/properties/groups": []}, "denied": set()},
	"groups that are no array": {"changes": {"subject/properties/groups": "ml-senior"}, "denied": {"invalid_subject"}},
	"groups in an object": {"changes": {"subject/properties/groups": {"a": "ml-senior"}}, "denied": {"invalid_subject"}},
	"a group that is no string": {"changes": {"subject/properties/groups": ["ci", 7]}, "denied": {"invalid_subject"}},
	"a tenant that is no string": {
		"changes": {"subject/properties/tenant": ["acme"]},
		"denied": {"invalid_subject", "tenant_unknown"},
	},
	"a tenant that isn't in the facts": {"changes": {"subject/properties/tenant": "initech"}, "denied": {"tenant_unknown"}},
	"an action without a name": {"changes": {"action": {}}, "denied": {"invalid_call"}},
	"a resource without a type": {"changes": {"resource": {"id": "gpt-4o"}}, "denied": {"invalid_call"}},
	"a resource whose id is no string": {"changes": {"resource/id": 4}, "denied": {"invalid_call"}},
}

test_what_every_rule_relies_on_is_there[name] if {
	some name, case in cases
	denied := wellformed.deny with input as demo.but(usual, case.changes)
	demo.codes(denied) == case.denied
}

test_nothing_is_not_well_formed if {
	denied := wellformed.deny with input as {}
	demo.codes(denied) == {"invalid_subject", "invalid_call", "tenant_unknown"}
}
