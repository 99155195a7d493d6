package countersign.environment_test

import data.countersign.demo
import data.countersign.environment

cases := {
	"experiments for ml-engineering": {"groups": ["ml-engineering"], "environment": "experiments", "allowed": true},
	"experiments for data-science": {"groups": ["data-science"], "environment": "experiments", "allowed": true},
	"experiments for ci": {"groups": ["ci"], "environment": "experiments", "allowed": false},
	"experiments for ml-senior alone": {"groups": ["ml-senior"], "environment": "experiments", "allowed": false},
	"prod for ml-senior": {"groups": ["ml-senior"], "environment": "prod", "allowed": true},
	"prod for ml-engineering alone": {"groups": ["ml-engineering"], "environment": "prod", "allowed": false},
	"prod for two groups of which one may": {"groups": ["ml-engineering", "ci"], "environment": "prod", "allowed": true},
	"prod for no group": {"groups": [], "environment": "prod", "allowed": false},
	"an unknown environment": {"groups": ["ml-senior"], "environment": "staging", "allowed": false},
	"an environment that is no string": {"groups": ["ml-senior"], "environment": ["prod"], "allowed": false},
}

test_environments_are_open_to_teams[name] if {
	some name, case in cases
	every what in [demo.invoke("gpt-4o-mini"), demo.query("handbook")] {
		denied := environment.deny with input as demo.but(demo.ask(demo.senior, what), {
			"subject/properties/groups": case.groups,
			"resource/properties/environment": case.environment,
		})
		demo.is_empty(denied) == case.allowed
	}
}

test_no_environment_is_denied if {
	request := json.remove(demo.ask(demo.senior, demo.invoke("gpt-4o")), ["resource/properties/environment"])
	denied := environment.deny with input as request
	demo.codes(denied) == {"environment_not_granted"}
}

test_tools_have_no_environment if {
	denied := environment.deny with input as demo.ask(demo.senior, demo.see_tool("files/read_file"))
	denied == set()
}

test_groups_give_rights_in_their_own_tenants_only if {
	denied := environment.deny with input as demo.but(
		demo.ask(demo.senior, demo.invoke("gpt-4o")),
		{"subject/properties/tenant": "globex"},
	)
	demo.codes(denied) == {"environment_not_granted"}
}
