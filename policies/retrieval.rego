# METADATA
# title: Retrieval
# description: |
#   Opens collections by tenant, classification and department, for each action by itself, and limits how much of one can
#   be had at once. Which of its documents a caller may know is said in `document.rego`, what may be brought in `ingest.rego`.
package countersign.retrieval

import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.resource
import data.countersign.lib.window

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
# description: Public collections can be read by every tenant; all else is for a collection's own tenant, or tenants, only.
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
# description: |
#   A whole number of at least one; pages of an export have a limit of their own. Large result sets are how collections are
#   copied away.
# custom:
#   id: retrieval.size
#   code: top_k_not_allowed
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM10", "LLM02", "ATLAS:AML.T0085.000", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	resource.is_request
	input.action.name in {"retrieval.query", "retrieval.get", "retrieval.export"}
	not size_allowed
}

# METADATA
# title: the query passes over too many results
# description: Paging to the end of a query is how a collection is copied away in pieces.
# custom:
#   id: retrieval.offset
#   code: offset_not_allowed
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM10", "LLM02", "ATLAS:AML.T0085.000", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	resource.is_request
	input.resource.properties.query.offset
	not offset_allowed
}

# METADATA
# title: the query is larger than queries are
# description: Of its vectors the numbers, of all of it the bytes.
# custom:
#   id: retrieval.bulk
#   code: query_too_large
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM10", "NIST-CSF:PR.IR"]
deny contains reason.from(rego.metadata.rule()) if {
	resource.is_request
	too_large
}

# METADATA
# title: your groups may not have vectors of this collection
# description: Texts can be worked out from their vectors; the facts list who may have them.
# custom:
#   id: retrieval.vectors
#   code: vectors_not_granted
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM08", "LLM02", "ATLAS:AML.T0024", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	resource.is_request
	input.resource.properties.query.vectors
	not vectors_granted
}

# METADATA
# title: you may query this collection
# description: |
#   Also ask for documents by their ids, and how many there are. The collection is the caller's tenant's own or public, the
#   caller is cleared for it, and the facts open the action to all of those, or grant it to a group.
# custom:
#   id: retrieval.query
#   code: collection_granted
#   owner: data-governance
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"retrieval.query", "retrieval.get", "retrieval.count"}
	own_or_public
	cleared
	open_or_granted
}

# METADATA
# title: you may see that this collection is there
# description: What it is called and how it is made. Lists leave out the others.
# custom:
#   id: retrieval.describe
#   code: description_granted
#   owner: data-governance
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"collection.list", "collection.describe"}
	own_or_public
	cleared
	open_or_granted
}

# METADATA
# title: you may take out this collection page by page, or a snapshot of it
# description: To groups by name only, or for a time. Exports are filtered as queries are; a snapshot can't be.
# custom:
#   id: retrieval.export
#   code: export_granted
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM02", "ATLAS:AML.T0085.000", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"retrieval.export", "collection.snapshot"}
	own
	cleared
	granted
}

# METADATA
# title: you may change what is in this collection
# description: To groups by name only, or for a time, in their own tenant's collections.
# custom:
#   id: retrieval.change
#   code: change_granted
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM04", "ATLAS:AML.T0070", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"retrieval.write", "retrieval.update", "retrieval.delete"}
	own
	cleared
	granted
}

# METADATA
# title: you may manage this collection
# description: Make, change or delete it as a whole. To groups by name only, or for a time.
# custom:
#   id: retrieval.manage
#   code: management_granted
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM04", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"collection.create", "collection.update", "collection.delete"}
	own
	cleared
	granted
}

# METADATA
# title: only documents that the caller may know are looked for
# description: |
#   The condition is derived from the rule that judges each result, so that a query gives the best of what may be known,
#   and nobody counts, changes or deletes what he may not see.
# custom:
#   id: retrieval.filter
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM08", "LLM02", "ATLAS:AML.T0085.000", "NIST-CSF:PR.DS"]
obligations contains {
	"id": rego.metadata.rule().custom.id,
	"type": "filter",
	"properties": {"include": "countersign/document/include"},
} if {
	resource.is_request
	touches_documents
}

# METADATA
# title: fields that are for certain groups are hidden from all others
# description: |
#   They can't be filtered or sorted by either, which would tell of them. What is masked in documents of other departments
#   can't be counted or grouped by.
# custom:
#   id: retrieval.hide
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM02", "NIST-CSF:PR.DS"]
obligations contains {
	"id": rego.metadata.rule().custom.id,
	"type": "hide_fields",
	"properties": {"fields": sort(hidden)},
} if {
	resource.is_request
	touches_documents
	count(hidden) > 0
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

own if resource.collection.tenant == caller.tenant

# Shared between tenants: whose a document is tells the document.
own if caller.tenant in resource.collection.tenants

own_or_public if own

own_or_public if {
	resource.classification == "public"
	input.action.name in reading
}

# Exports and snapshots of public collections are their tenants' own.
reading := {"retrieval.query", "retrieval.get", "retrieval.count", "collection.list", "collection.describe"}

cleared if {
	some group in caller.groups
	data.facts.classifications[data.facts.groups[group].clearance] >= level
}

cleared if resource.classification == "public"

department_listed if input.subject.properties.department in resource.collection.departments

open_or_granted if input.action.name in resource.collection.open

open_or_granted if granted

granted if caller.in_any(resource.collection.grants[input.action.name])

granted if {
	some grant in data.facts.temporary
	grant.collection == input.resource.id
	input.action.name in grant.actions
	caller.in_any(grant.groups)
	window.is_open(grant)
}

size_allowed if {
	top_k := input.resource.properties.query.top_k
	is_number(top_k)
	top_k == floor(top_k)
	top_k >= 1
	top_k <= most
}

most := data.facts.retrieval.top_k if input.action.name != "retrieval.export"

most := data.facts.retrieval.exported if input.action.name == "retrieval.export"

offset_allowed if {
	is_number(input.resource.properties.query.offset)
	input.resource.properties.query.offset <= data.facts.retrieval.offset
}

# Each by its name: were all of the query read, no decision on one would do for another.
too_large if {
	dimensions := input.resource.properties.query.dimensions
	not fits("dimensions", dimensions)
}

too_large if {
	bytes := input.resource.properties.query.bytes
	not fits("bytes", bytes)
}

fits(name, value) if {
	is_number(value)
	value <= data.facts.retrieval[name]
}

vectors_granted if caller.in_any(resource.collection.vectors)

touches_documents if startswith(input.action.name, "retrieval.")

# A file's attributes in one of OpenAI's stores.
touches_documents if {
	input.action.name == "vector_store.update"
	input.resource.properties.documents
}

hidden contains field if {
	some field, _ in resource.collection.hidden
	not field in seen
}

# What is masked in the documents that come back has nothing to be masked in where values are counted or grouped.
hidden contains field if {
	input.action.name == "retrieval.count"
	some field in data.facts.documents.for_department
}

seen contains field if {
	some field, groups in resource.collection.hidden
	caller.in_any(groups)
}
