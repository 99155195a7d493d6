# METADATA
# title: Networks
# description: Keeps sensitive data inside the company's network.
package countersign.network

import data.countersign.lib.reason
import data.countersign.lib.resource

# METADATA
# title: sensitive data may be used from the internal network only
# description: Applies to restricted models and collections. Which addresses are internal is the sidecar's configuration.
# custom:
#   id: network.internal
#   code: network_not_internal
#   owner: security
#   severity: high
#   frameworks: ["ASI03", "LLM02", "NIST-CSF:PR.IR"]
deny contains reason.from(rego.metadata.rule()) if {
	resource.is_restricted
	not internal
}

# METADATA
# title: this model is open to the internal network only
# description: For models that the gateway's catalogue marks as internal.
# custom:
#   id: network.internal-model
#   code: network_not_internal
#   owner: security
#   severity: medium
#   frameworks: ["ASI03", "MAESTRO:L4", "NIST-CSF:PR.IR"]
deny contains reason.from(rego.metadata.rule()) if {
	input.resource.type == "model"
	not resource.is_restricted
	input.resource.properties.internal != false # a mark of the wrong type is still a mark
	not internal
}

internal if input.context.source.network == "internal"
