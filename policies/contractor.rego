# METADATA
# title: Contractors
# description: Narrows what contractors may do, whatever other groups they are in.
package countersign.contractor

import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.resource
import data.countersign.lib.window

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
# title: contractors may use the collections listed for them only, while their work lasts
# description: The facts say from and until when. Holds even where another group of the contractor would open the collection.
# custom:
#   id: contractor.collections
#   code: contractor_collection_not_listed
#   owner: data-governance
#   severity: high
#   frameworks: ["ASI03", "NHI3", "LLM02", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	input.resource.type == "collection"
	caller.is_contractor
	not collection_listed
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

# METADATA
# title: contractors get few documents at a time
# description: The gateway lowers the number that is asked for to this.
# custom:
#   id: contractor.results
#   owner: data-governance
#   severity: low
#   frameworks: ["LLM02", "LLM10", "NIST-CSF:PR.DS"]
obligations contains {
	"id": rego.metadata.rule().custom.id,
	"type": "limit_results",
	"properties": {"top_k": data.facts.contractors.top_k},
} if {
	input.action.name == "retrieval.query"
	input.resource.type == "collection"
	input.action.properties.phase != "response"
	caller.is_contractor
}

collection_listed if {
	is_number(data.facts.contractors.top_k) # without a limit there is nothing to oblige the gateway to
	window.is_open(data.facts.contractors.collections[input.resource.id])
}

model_listed if {
	is_number(data.facts.contractors.max_tokens) # without a limit there is nothing to oblige the gateway to
	input.resource.id in data.facts.contractors.models
}

environment_listed if input.resource.properties.environment in data.facts.contractors.environments
