package countersign.lib.resource_test

import data.countersign.demo
import data.countersign.lib.resource

test_names_are_looked_up_by_kind[name] if {
	some name, case in {
		"a collection called like a model": {"what": demo.query("handbook"), "id": "medical-llm"},
		"a model called like a collection": {"what": demo.invoke("gpt-4o"), "id": "patients"},
	}
	request := demo.but(demo.ask(demo.senior, case.what), {"resource/id": case.id})
	not resource.tier with input as request
	not resource.collection with input as request
	not resource.is_restricted with input as request
}
