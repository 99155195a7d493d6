package countersign.ingest_test

import data.countersign
import data.countersign.demo
import data.countersign.ingest

cases := {
	"one that says nothing": {"documents": [{}], "denied": set()},
	"the writer's own": {"documents": [{"tenant": "acme", "classification": "internal"}], "denied": set()},
	"more secret": {"documents": [{"classification": "restricted"}], "denied": set()},
	"another tenant's": {"documents": [{}, {"tenant": "globex"}], "denied": {"document_of_another_tenant"}},
	"everyone's": {"documents": [{"tenant": "*"}], "denied": {"document_of_another_tenant"}},
	"less secret": {"documents": [{"classification": "public"}], "denied": {"classification_too_low"}},
	"of an unknown classification": {"documents": [{"classification": "secret"}], "denied": {"classification_too_low", "classification_too_high"}},
	"none": {"documents": [], "denied": set()},
	"no list": {"documents": {"0": {}}, "denied": {"documents_not_allowed"}},
	"no documents": {"documents": ["x"], "denied": {"documents_not_allowed"}},
	"as many as allowed": {"documents": [{} | some _ in numbers.range(1, 256)], "denied": set()},
	"too many": {"documents": [{} | some _ in numbers.range(1, 257)], "denied": {"documents_not_allowed"}},
}

test_what_may_be_written[name] if {
	some name, case in cases
	denied := ingest.deny with input as demo.ask(demo.analyst, demo.bring("wiki", case.documents))
	demo.codes(denied) == case.denied
	answer := countersign.decision with input as demo.ask(demo.analyst, demo.bring("wiki", case.documents))
	demo.is_empty(denied) == answer.allow
}

test_more_secret_than_the_collection_may_be if {
	request := demo.ask(demo.senior, demo.bring("handbook", [{"classification": "confidential"}]))
	denied := ingest.deny with input as request
	demo.codes(denied) == {"classification_too_high"}
}

test_documents_that_nobody_describes[name] if {
	some name, case in {
		"a write": {"action": "retrieval.write", "denied": {"documents_not_allowed"}},
		"a change": {"action": "retrieval.update", "denied": set()},
	}
	denied := ingest.deny with input as demo.ask(demo.senior, demo.on_collection(case.action, "wiki"))
	demo.codes(denied) == case.denied
}

test_a_change_is_judged_by_what_it_brings if {
	what := object.union(demo.bring("wiki", [{"tenant": "globex"}]), {"action": {"name": "retrieval.update"}})
	denied := ingest.deny with input as demo.ask(demo.senior, what)
	demo.codes(denied) == {"document_of_another_tenant"}
}

test_documents_are_stamped if {
	answer := countersign.decision with input as demo.ask(demo.analyst, demo.bring("wiki", [{}]))
	{
		"id": "ingest.stamp",
		"type": "stamp_documents",
		"properties": {
			"set": {"tenant": "acme"},
			"at_least": {"classification": {"value": "internal", "order": ["public", "internal", "confidential", "restricted"]}},
		},
	} in answer.obligations
}

floors := {
	"nothing": {"labels": [], "floor": "internal"},
	"what strangers wrote": {"labels": ["untrusted-web"], "floor": "internal"},
	"an inbox": {"labels": ["personal-data", "untrusted-mail"], "floor": "confidential"},
	"what is confidential": {"labels": ["confidential:acme"], "floor": "confidential"},
	"all": {"labels": ["confidential-data", "personal-data", "restricted-data"], "floor": "restricted"},
}

test_what_is_written_is_as_secret_as_what_was_read[name] if {
	some name, case in floors
	request := demo.after(demo.ask(demo.analyst, demo.bring("wiki", [{}])), case.labels)
	answer := countersign.decision with input as request
	answer.allow
	some obligation in answer.obligations
	obligation.id == "ingest.stamp"
	obligation.properties.at_least.classification.value == case.floor
}

test_what_is_secret_is_not_written_where_nothing_so_secret_may_lie if {
	request := demo.after(demo.ask(demo.senior, demo.bring("handbook", [{}])), ["confidential-data", "untrusted-web"])
	denied := ingest.deny with input as request
	demo.codes(denied) == {"written_down"}
	some refusal in denied
	refusal.labels == ["confidential-data"]
}

test_in_a_collection_that_nobody_knows_nothing_is_stamped if {
	ingest.obligations == set() with input as demo.ask(demo.analyst, demo.on_collection("retrieval.write", "wiki"))
		with data.facts.collections as {}
}
