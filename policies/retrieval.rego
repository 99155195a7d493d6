# METADATA
# title: Retrieval
# description: |
#   Opens collections by tenant and classification, and has the gateway filter what comes back. Writing is open to
#   nobody yet.
package countersign.retrieval

import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.resource

# METADATA
# title: this collection is not known here
# description: Each collection has a classification in the facts and, unless it is public, a tenant.
# custom:
#   id: retrieval.known
#   code: collection_unknown
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM08", "NIST-CSF:ID.AM"]
deny contains reason.from(rego.metadata.rule()) if not level

# METADATA
# title: this collection belongs to another tenant
# description: Public collections are open to every tenant, all others to their own only.
# custom:
#   id: retrieval.tenant
#   code: tenant_mismatch
#   owner: data-governance
#   severity: high
#   frameworks: ["ASI03", "LLM08", "MAESTRO:L2", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	level
	not own_or_public
}

# METADATA
# title: your groups are not cleared for data of this classification
# description: A caller is cleared up to the highest clearance of its groups.
# custom:
#   id: retrieval.clearance
#   code: clearance_too_low
#   owner: data-governance
#   severity: high
#   frameworks: ["ASI03", "NHI5", "LLM02", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	level
	not cleared
}

# METADATA
# title: your department may not use this collection
# description: For collections whose facts list departments.
# custom:
#   id: retrieval.department
#   code: department_not_granted
#   owner: data-governance
#   severity: high
#   frameworks: ["ASI03", "LLM02", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	resource.collection.departments
	not department_listed
}

# METADATA
# title: gateway and policy disagree about this collection's classification
# description: The gateway's catalogue may leave the classification out; one that differs from the facts is a fault.
# custom:
#   id: retrieval.catalogue
#   code: classification_mismatch
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM08", "MAESTRO:L2", "NIST-CSF:ID.AM"]
deny contains reason.from(rego.metadata.rule()) if {
	input.resource.properties.classification != resource.classification
}

# METADATA
# title: the number of results must be given and within the limit
# description: A whole number of at least one. Large result sets are how collections are copied away.
# custom:
#   id: retrieval.size
#   code: top_k_not_allowed
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM10", "LLM02", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name == "retrieval.query"
	not size_allowed
}

# METADATA
# title: you may query this collection
# description: The collection is the caller's tenant's own or public, and the caller is cleared for it.
# custom:
#   id: retrieval.query
#   code: collection_granted
#   owner: data-governance
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name == "retrieval.query"
	own_or_public
	cleared
}

# METADATA
# title: results are filtered by tenant and classification
# description: |
#   The gateway drops documents above the collection's classification, for which nothing was checked, and documents
#   that neither belong to the caller's tenant nor to all.
# custom:
#   id: retrieval.filter
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM08", "LLM02", "NIST-CSF:PR.DS"]
obligations contains {
	"id": rego.metadata.rule().custom.id,
	"type": "filter_documents",
	"properties": {"tenant": caller.tenant, "max_classification": resource.classification},
} if {
	input.action.name == "retrieval.query"
}

# METADATA
# title: the task has picked up restricted data
# description: The label stays with the task, so that later rules can keep it from leaving.
# custom:
#   id: retrieval.label
#   owner: data-governance
#   severity: high
#   frameworks: ["ASI01", "LLM02", "NIST-CSF:PR.DS"]
labels contains "restricted-data" if resource.is_restricted

level := data.facts.classifications[resource.classification]

own_or_public if resource.collection.tenant == caller.tenant

own_or_public if resource.classification == "public"

cleared if {
	some group in caller.groups
	data.facts.classifications[data.facts.groups[group].clearance] >= level
}

cleared if resource.classification == "public"

department_listed if input.subject.properties.department in resource.collection.departments

size_allowed if {
	top_k := input.resource.properties.query.top_k
	is_number(top_k)
	top_k == floor(top_k)
	top_k >= 1
	top_k <= data.facts.retrieval.top_k
}
