# METADATA
# title: Content
# description: |
#   Keeps secrets in the regions that a tenant trusts with them, and out of answers, by what the gateway's detectors found
#   in a request, or (where `content.answers` is `decide`) in an answer. Where none are configured there is no
#   `context.content`, and these rules deny nothing.
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
# title: the answer holds credentials
# description: Detectors found them in what the model wrote. Of a stream, what was written before is with the client already.
# custom:
#   id: content.answer_secrets
#   code: secrets_in_answer
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM02", "NHI2", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	is_answer
	count(input.context.content.secrets) > 0
}

# METADATA
# title: the answer holds what your tenant keeps out of answers
# description: Kinds of personal data, such as card numbers, that the tenant's facts list under `kept_from_answers`.
# custom:
#   id: content.answer_kinds
#   code: kind_kept_from_answers
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM02", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	is_answer
	some kind in object.get(data.facts.tenants[caller.tenant], "kept_from_answers", [])
	input.context.content.pii[kind] > 0
}

# METADATA
# title: the answer could not be searched for credentials
# description: It was too long, or searching took too long. Images and files are never searched, and pass.
# custom:
#   id: content.answer_unscanned
#   code: answer_not_scanned
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM02", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	is_answer
	input.context.content.unscanned.secrets > 0
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
# What takes prompts, files and queries out of the house: a chain and an account of storage as much as a model.
is_abroad if {
	input.resource.type in {"model", "chain", "storage"}
	input.context.content
	not is_answer
	not is_home
}

# What is said in an answer comes from abroad, or doesn't: it goes nowhere.
is_answer if {
	input.resource.type == "model"
	input.action.properties.phase == "response"
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
