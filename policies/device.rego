# METADATA
# title: Devices
# description: Lets sensitive data reach devices in good posture only.
package countersign.device

import data.countersign.lib.reason
import data.countersign.lib.resource

# METADATA
# title: sensitive data needs a managed, compliant device
# description: Applies to restricted models and collections. A caller without a device, such as a job, is out.
# custom:
#   id: device.posture
#   code: device_not_compliant
#   owner: security
#   severity: high
#   frameworks: ["ASI03", "LLM02", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	resource.is_restricted
	not in_good_posture
}

in_good_posture if {
	input.context.device.managed == true
	input.context.device.compliant == true
}
