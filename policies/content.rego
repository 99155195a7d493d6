# METADATA
# title: Content
# description: |
#   Keeps secrets in the regions that a tenant trusts with them, by what the gateway's detectors found in a request. Where
#   none are configured there is no `context.content`, and these rules deny nothing.
package countersign.content

import data.countersign.lib.caller
import data.countersign.lib.reason

# METADATA
# title: secrets may not leave the regions that your tenant keeps them in
# description: Detectors found credentials in the request, and the model is elsewhere.
# custom:
#   id: content.secrets
#   code: secrets_in_request
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM02", "NHI2", "MAESTRO:L2", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	is_abroad
	count(input.context.content.secrets) > 0
}

# METADATA
# title: the request could not be searched for secrets, and the model is outside your tenant's regions for them
# description: Too much text, or too little time. Images and files are never searched, and pass.
# custom:
#   id: content.unscanned
#   code: content_not_scanned
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM02", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	is_abroad
	not is_searched
}

# A request without content, such as a listing, has nothing to leave with.
is_abroad if {
	input.resource.type == "model"
	input.context.content
	not is_home
}

# Where nothing is said of secrets, they may go where the tenant's data may.
is_home if {
	tenant := data.facts.tenants[caller.tenant]
	input.resource.properties.region in object.get(tenant, "secret_regions", tenant.regions)
}

is_searched if {
	is_string(input.context.content.detectors.secrets)
	is_object(input.context.content.secrets)
	object.get(input.context.content, ["unscanned", "secrets"], 0) == 0
}
