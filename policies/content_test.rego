package countersign.content_test

import data.countersign
import data.countersign.content
import data.countersign.demo

found := {"detectors": {"secrets": "1"}, "scanned": true, "secrets": {"github_token": 1}}

clean := {"detectors": {"secrets": "1"}, "scanned": true, "secrets": {}}

# Too much text for the detector; images, which nobody looks into.
cut := object.union(clean, {"scanned": false, "why": ["too_large"], "unscanned": {"secrets": 1}})

image := object.union(clean, {"scanned": false, "why": ["media"], "unscanned": {"media": 1}})

ask(tenant, region, described) := demo.but(demo.ask(demo.senior, demo.invoke("gpt-4o")), {
	"subject/properties/tenant": tenant,
	"resource/properties/region": region,
	"context/content": described,
})

cases := {
	"secrets at home": {"tenant": "acme", "region": "eu", "content": found, "codes": set()},
	"secrets abroad": {"tenant": "acme", "region": "us", "content": found, "codes": {"secrets_in_request"}},
	"no secrets abroad": {"tenant": "acme", "region": "us", "content": clean, "codes": set()},
	"not searched abroad": {"tenant": "acme", "region": "us", "content": cut, "codes": {"content_not_scanned"}},
	"not searched at home": {"tenant": "acme", "region": "eu", "content": cut, "codes": set()},
	"an image abroad": {"tenant": "acme", "region": "us", "content": image, "codes": set()},
	"another detector only": {
		"tenant": "acme", "region": "us",
		"content": {"detectors": {"pii": "1"}, "scanned": true, "pii": {}},
		"codes": {"content_not_scanned"},
	},
	"facts of the wrong type": {
		"tenant": "acme", "region": "us",
		"content": object.union(clean, {"secrets": 0}),
		"codes": {"content_not_scanned"},
	},
	"no region": {"tenant": "acme", "region": null, "content": found, "codes": {"secrets_in_request"}},
	"a tenant without regions for secrets": {"tenant": "globex", "region": "eu", "content": found, "codes": set()},
	"the same elsewhere": {"tenant": "globex", "region": "us", "content": found, "codes": {"secrets_in_request"}},
	"an unknown tenant": {"tenant": "initech", "region": "eu", "content": found, "codes": {"secrets_in_request"}},
}

test_secrets_stay_where_they_may_be[name] if {
	some name, case in cases
	denied := content.deny with input as ask(case.tenant, case.region, case.content)
	demo.codes(denied) == case.codes
}

test_without_detectors_nothing_is_denied if {
	denied := content.deny with input as demo.ask(demo.senior, demo.invoke("gpt-4o"))
	demo.is_empty(denied)
}

test_other_resources_are_not_concerned if {
	request := demo.but(demo.ask(demo.senior, demo.query("handbook")), {"context/content": found})
	denied := content.deny with input as request
	demo.is_empty(denied)
}

test_the_decision_hears_of_it if {
	decision := countersign.decision with input as ask("acme", "us", found)
	not decision.allow
	demo.codes(decision.reasons) == {"secrets_in_request"}
}
