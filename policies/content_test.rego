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

test_chains_and_storage_are_concerned[type] if {
	some type in {"chain", "storage"}
	every found_abroad, codes in {found: {"secrets_in_request"}, cut: {"content_not_scanned"}, clean: set()} {
		request := demo.but(ask("acme", "us", found_abroad), {"resource/type": type})
		denied := content.deny with input as request
		demo.codes(denied) == codes
	}
}

test_the_decision_hears_of_it if {
	decision := countersign.decision with input as ask("acme", "us", found)
	not decision.allow
	demo.codes(decision.reasons) == {"secrets_in_request"}
}

answer(described) := demo.but(ask("acme", "us", described), {"action/properties/phase": "response"})

answers := {
	"nothing": {"content": clean, "codes": set()},
	"secrets": {"content": found, "codes": {"secrets_in_answer"}},
	"too long": {"content": cut, "codes": {"answer_not_scanned"}},
	"an image": {"content": image, "codes": set()},
	"a card number": {"content": object.union(clean, {"pii": {"card": 1}}), "codes": {"kind_kept_from_answers"}},
	"an address": {"content": object.union(clean, {"pii": {"email": 1}}), "codes": set()},
	"no detector of secrets": {"content": {"detectors": {"pii": "1"}, "pii": {"email": 1}}, "codes": set()},
}

test_answers_are_kept_back[name] if {
	some name, case in answers
	denied := content.deny with input as answer(case.content)
		with data.facts.tenants.acme.kept_from_answers as ["card", "iban"]
	demo.codes(denied) == case.codes
}

test_a_tenant_that_keeps_nothing_back if {
	denied := content.deny with input as answer(object.union(clean, {"pii": {"card": 1}}))
	demo.is_empty(denied)
}

test_answers_at_home_are_kept_back_too if {
	denied := content.deny with input as demo.but(ask("acme", "eu", found), {"action/properties/phase": "response"})
	demo.codes(denied) == {"secrets_in_answer"}
}

test_the_decision_hears_of_answers if {
	decision := countersign.decision with input as answer(found)
	not decision.allow
	demo.codes(decision.reasons) == {"secrets_in_answer"}
}
