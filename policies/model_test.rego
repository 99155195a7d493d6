package countersign.model_test

import data.countersign.demo
import data.countersign.model

cases := {
	"standard for data-science": {"groups": ["data-science"], "model": "gpt-4o-mini", "denied": set()},
	"standard for ml-senior alone": {"groups": ["ml-senior"], "model": "gpt-4o-mini", "denied": {"tier_not_granted"}},
	"frontier for ml-senior": {"groups": ["ml-senior"], "model": "gpt-4o", "denied": set()},
	"frontier for ml-engineering": {"groups": ["ml-engineering"], "model": "gpt-4o", "denied": {"tier_not_granted"}},
	"restricted for ml-senior": {"groups": ["ml-senior"], "model": "medical-llm", "denied": set()},
	"restricted for ci": {"groups": ["ci"], "model": "medical-llm", "denied": {"tier_not_granted"}},
	"no groups": {"groups": [], "model": "gpt-4o-mini", "denied": {"tier_not_granted"}},
	"a group that nobody knows": {"groups": ["admins"], "model": "gpt-4o", "denied": {"tier_not_granted"}},
	"a model that nobody knows": {"groups": ["ml-senior"], "model": "gpt-9", "denied": {"model_unknown"}},
	"a name that differs in case": {"groups": ["ml-senior"], "model": "GPT-4o", "denied": {"model_unknown"}},
}

test_tiers_are_open_to_groups[name] if {
	some name, case in cases
	request := demo.but(demo.ask(demo.senior, demo.invoke("gpt-4o")), {
		"resource/id": case.model,
		"subject/properties/groups": case.groups,
	})
	denied := model.deny with input as request
	demo.codes(denied) == case.denied
	allowed := model.allow with input as request
	demo.is_empty(allowed) != demo.is_empty(denied)
}

rules := {
	"model.invoke": "tier_granted",
	"model.list": "tier_granted",
	"model.count_tokens": "tier_granted",
	"model.show": "tier_granted",
	"model.tokenize": "tier_granted",
	"rerank.create": "embedding_granted",
	"classification.create": "embedding_granted",
	"model.pull": "administration_granted",
	"model.push": "administration_granted",
	"model.create": "administration_granted",
	"model.copy": "administration_granted",
	"model.delete": "administration_granted",
	"embedding.create": "embedding_granted",
	"moderation.create": "embedding_granted",
	"image.create": "image_granted",
	"image.edit": "image_granted",
	"speech.create": "audio_granted",
	"transcription.create": "audio_granted",
	"translation.create": "audio_granted",
	"batch.create": "batch_granted",
	"batch.read": "batch_granted",
	"batch.cancel": "batch_granted",
	"batch.delete": "batch_granted",
	"batch.results": "batch_granted",
	"response.read": "stored_granted",
	"response.delete": "stored_granted",
	"response.cancel": "stored_granted",
}

test_actions_need_the_tier[action] if {
	some action, code in rules
	request := demo.but(demo.ask(demo.senior, demo.invoke("gpt-4o")), {"action/name": action})
	allowed := model.allow with input as request
	demo.codes(allowed) == {code}
	others := model.allow with input as demo.but(request, {"subject/properties/groups": ["ci"]})
	others == set()
}

test_other_actions_are_open_to_nobody[action] if {
	some action in ["tool.call", "agent.message", "Model.Invoke", "response.create", "file.create", ""]
	allowed := model.allow with input as demo.but(
		demo.ask(demo.senior, demo.invoke("gpt-4o")),
		{"action/name": action},
	)
	allowed == set()
}

administered := {
	"a model that is known": {"parameters": {}, "allowed": true},
	"made of one that is known": {"parameters": {"from": "gpt-4o-mini"}, "allowed": true},
	"made of one that nobody knows": {"parameters": {"from": "gpt-9"}, "allowed": false},
	"copied from one that nobody knows": {"parameters": {"source": "gpt-9"}, "allowed": false},
	"without verifying the connection": {"parameters": {"insecure": true}, "allowed": false},
}

test_administration[name] if {
	some name, case in administered
	request := demo.but(demo.ask(demo.senior, demo.invoke("gpt-4o")), {
		"action/name": "model.create",
		"action/properties/parameters": case.parameters,
	})
	allowed := model.allow with input as request
	demo.is_empty(allowed) != case.allowed
	others := model.allow with input as demo.but(request, {"subject/properties/groups": ["data-science"]})
	others == set()
}
