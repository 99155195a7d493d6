# METADATA
# title: Contractors
# description: Narrows what contractors may do, whatever other groups they are in.
package countersign.contractor

import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.resource

# METADATA
# title: contractors may use the models listed for them only
# description: Holds even where another group of the contractor would open the model.
# custom:
#   id: contractor.models
#   code: contractor_model_not_listed
#   owner: ai-platform
#   severity: medium
#   frameworks: ["NHI3", "NHI5", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	input.resource.type == "model"
	caller.is_contractor
	not model_listed
}

# METADATA
# title: contractors may not use this environment
# description: Holds even where another group of the contractor would open the environment.
# custom:
#   id: contractor.environments
#   code: contractor_environment_not_listed
#   owner: ai-platform
#   severity: medium
#   frameworks: ["NHI3", "NHI8", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	resource.is_placed
	caller.is_contractor
	not environment_listed
}

# METADATA
# title: contractors get short answers
# description: The gateway lowers `max_tokens` to this, or sets it where it is absent.
# custom:
#   id: contractor.tokens
#   owner: ai-platform
#   severity: low
#   frameworks: ["LLM10", "ASI08"]
obligations contains {
	"id": rego.metadata.rule().custom.id,
	"type": "limit_tokens",
	"properties": {"max_tokens": data.facts.contractors.max_tokens},
} if {
	input.action.name == "model.invoke"
	caller.is_contractor
}

model_listed if {
	is_number(data.facts.contractors.max_tokens) # without a limit there is nothing to oblige the gateway to
	input.resource.id in data.facts.contractors.models
}

environment_listed if input.resource.properties.environment in data.facts.contractors.environments
