# METADATA
# title: Networks
# description: Keeps sensitive data, and what is marked as internal, inside the company's network.
package countersign.network

import data.countersign.lib.reason
import data.countersign.lib.resource

# METADATA
# title: open to the internal network only
# description: |
#   Applies to restricted models and collections, and to what the gateway's catalogue marks as internal. Which addresses
#   are internal is the sidecar's configuration.
# custom:
#   id: network.internal
#   code: network_not_internal
#   owner: security
#   severity: high
#   frameworks: ["ASI03", "LLM02", "MAESTRO:L4", "NIST-CSF:PR.IR"]
deny contains reason.from(rego.metadata.rule()) if {
	kept_inside
	not from_inside
}

kept_inside if resource.is_restricted

# A mark of the wrong type is still a mark.
kept_inside if input.resource.properties.internal != false

from_inside if input.context.source.network == "internal"
