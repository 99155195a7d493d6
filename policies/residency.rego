# METADATA
# title: Residency
# description: Keeps a tenant's data in the regions that were promised to it.
package countersign.residency

import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.resource

# METADATA
# title: your tenant's data may not be processed in this region
# description: Prompts and queries carry data to where the model or collection is. A resource without a region is out.
# custom:
#   id: residency.region
#   code: region_not_allowed
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM02", "MAESTRO:L2", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	resource.is_placed
	not allowed
}

allowed if input.resource.properties.region in data.facts.tenants[caller.tenant].regions
