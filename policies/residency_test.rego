package countersign.residency_test

import data.countersign.demo
import data.countersign.residency

cases := {
	"acme in eu": {"tenant": "acme", "region": "eu", "allowed": true},
	"acme in us": {"tenant": "acme", "region": "us", "allowed": true},
	"acme elsewhere": {"tenant": "acme", "region": "ap", "allowed": false},
	"globex in eu": {"tenant": "globex", "region": "eu", "allowed": true},
	"globex in us": {"tenant": "globex", "region": "us", "allowed": false},
	"an unknown tenant": {"tenant": "initech", "region": "eu", "allowed": false},
	"a region of the wrong type": {"tenant": "acme", "region": ["eu"], "allowed": false},
}

test_data_stays_in_the_tenants_regions[name] if {
	some name, case in cases
	every what in [demo.invoke("gpt-4o-mini"), demo.query("public-docs")] {
		denied := residency.deny with input as demo.but(demo.ask(demo.senior, what), {
			"subject/properties/tenant": case.tenant,
			"resource/properties/region": case.region,
		})
		demo.is_empty(denied) == case.allowed
	}
}

test_no_region_is_denied if {
	request := json.remove(demo.ask(demo.senior, demo.invoke("gpt-4o")), ["resource/properties/region"])
	denied := residency.deny with input as request
	demo.codes(denied) == {"region_not_allowed"}
}
