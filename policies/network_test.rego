package countersign.network_test

import data.countersign.demo
import data.countersign.network

cases := {
	"a restricted model from inside": {"what": demo.invoke("medical-llm"), "network": "internal", "denied": set()},
	"a restricted model from outside": {
		"what": demo.invoke("medical-llm"),
		"network": "external",
		"denied": {"network_not_internal"},
	},
	"a restricted collection from inside": {"what": demo.query("patients"), "network": "internal", "denied": set()},
	"a restricted collection from outside": {
		"what": demo.query("patients"),
		"network": "external",
		"denied": {"network_not_internal"},
	},
	"another model from outside": {"what": demo.invoke("gpt-4o"), "network": "external", "denied": set()},
	"another collection from outside": {"what": demo.query("handbook"), "network": "external", "denied": set()},
	"a network of the wrong type": {
		"what": demo.invoke("medical-llm"),
		"network": ["internal"],
		"denied": {"network_not_internal"},
	},
}

test_sensitive_data_stays_inside[name] if {
	some name, case in cases
	denied := network.deny with input as demo.but(
		demo.ask(demo.senior, case.what),
		{"context/source/network": case.network},
	)
	demo.codes(denied) == case.denied
}

marks := {
	"not marked": {"internal": false, "network": "external", "denied": set()},
	"marked, from outside": {"internal": true, "network": "external", "denied": {"network_not_internal"}},
	"marked, from inside": {"internal": true, "network": "internal", "denied": set()},
	"a mark of the wrong type": {"internal": "yes", "network": "external", "denied": {"network_not_internal"}},
	"a mark that is null": {"internal": null, "network": "external", "denied": {"network_not_internal"}},
}

test_models_marked_internal_stay_inside[name] if {
	some name, case in marks
	denied := network.deny with input as demo.but(demo.ask(demo.senior, demo.invoke("gpt-4o")), {
		"resource/properties/internal": case.internal,
		"context/source/network": case.network,
	})
	demo.codes(denied) == case.denied
}

test_an_unknown_source_is_outside if {
	request := json.remove(demo.ask(demo.senior, demo.invoke("medical-llm")), ["context/source"])
	denied := network.deny with input as request
	demo.codes(denied) == {"network_not_internal"}
}
