# METADATA
# title: Models
# description: |
#   Opens models by tier. Listing and invoking are one right: whoever can't invoke a model doesn't see it.
#   Other actions on models (such as embeddings) are open to nobody yet.
package countersign.model

import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.resource

# METADATA
# title: this model is not known here
# description: Each model has a tier in the facts.
# custom:
#   id: model.known
#   code: model_unknown
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI04", "NIST-CSF:ID.AM"]
deny contains reason.from(rego.metadata.rule()) if not resource.tier

# METADATA
# title: your groups may not use models of this tier
# description: Each tier is open to the groups listed in the facts.
# custom:
#   id: model.tier
#   code: tier_not_granted
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI03", "NHI5", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	resource.tier
	not tier_granted
}

# METADATA
# title: your groups may use models of this tier
# description: Seeing a model in a list and invoking it.
# custom:
#   id: model.use
#   code: tier_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"model.invoke", "model.list"}
	tier_granted
}

tier_granted if caller.in_any(data.facts.tiers[resource.tier].groups)
