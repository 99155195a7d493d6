package countersign.device_test

import data.countersign.demo
import data.countersign.device

cases := {
	"managed and compliant": {"device": {"managed": true, "compliant": true}, "allowed": true},
	"not compliant": {"device": {"managed": true, "compliant": false}, "allowed": false},
	"not managed": {"device": {"managed": false, "compliant": true}, "allowed": false},
	"compliance not known": {"device": {"managed": true}, "allowed": false},
	"management not known": {"device": {"compliant": true}, "allowed": false},
	"words in place of booleans": {"device": {"managed": "true", "compliant": "true"}, "allowed": false},
	"no device": {"device": {}, "allowed": false},
}

test_sensitive_data_needs_a_device_in_good_posture[name] if {
	some name, case in cases
	every what in [demo.invoke("medical-llm"), demo.query("patients")] {
		denied := device.deny with input as demo.but(demo.ask(demo.senior, what), {"context/device": case.device})
		demo.is_empty(denied) == case.allowed
	}
}

test_other_resources_ask_for_no_device[name] if {
	some name, what in {"a model": demo.invoke("gpt-4o-mini"), "a collection": demo.query("handbook")}
	denied := device.deny with input as demo.ask(demo.ci, what)
	denied == set()
}
