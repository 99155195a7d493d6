# METADATA
# title: Documents
# description: |
#   Says which documents a caller may know. One rule, `include`, has two uses: the sidecar derives the store's condition from
#   it before a query is sent (obligation `filter`), and each document that came back is judged by it. It is written so that
#   both are possible: comparisons, `in`, and lookups of facts, nothing that walks through the document.
package countersign.document

import data.countersign.device
import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.resource
import data.countersign.lib.window
import data.countersign.network

# METADATA
# title: this document may be known
# description: All of the rules below hold. A document that doesn't say whose it is, or how secret, is never given.
# custom:
#   id: document.include
#   filter:
#     unknown: input.resource.document
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM02", "LLM08", "ASI03", "MAESTRO:L2", "ATLAS:AML.T0085.000", "NIST-CSF:PR.DS"]
include if shown(input.resource.document)

shown(doc) if {
	of_tenant(doc)
	within_clearance(doc)
	in_region(doc)
	needed(doc)
	in_age(doc)
	unexpired(doc)
}

# METADATA
# title: the document is the tenant's, or everyone's
# description: Everyone's is what names `*`.
# custom:
#   id: document.tenant
#   owner: data-governance
#   severity: high
#   frameworks: ["ASI03", "LLM08", "MAESTRO:L2", "NIST-CSF:PR.DS"]
of_tenant(doc) if doc.tenant in tenants

# METADATA
# title: the caller is cleared for the document's classification
# description: |
#   Up to the highest clearance of the caller's groups and up to what the collection may hold; of contractors up to theirs
#   besides; restricted ones on the internal network and on a device in good posture only.
# custom:
#   id: document.clearance
#   owner: data-governance
#   severity: high
#   frameworks: ["ASI03", "NHI5", "LLM02", "NIST-CSF:PR.AA"]
within_clearance(doc) if doc.classification in readable

# METADATA
# title: the document is of a region that the tenant may use
# description: One that names none is of its collection's, which is decided on with the query.
# custom:
#   id: document.region
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM02", "MAESTRO:L2", "NIST-CSF:PR.DS"]
in_region(doc) if not doc.region

in_region(doc) if doc.region in data.facts.tenants[caller.tenant].regions

# METADATA
# title: the caller needs to know
# description: |
#   A document that names a department is for that one, and for who is granted its documents for a time. One that names none
#   is for all only where its classification is listed as such, or where its collection lists departments, which are
#   decided on with the query.
# custom:
#   id: document.department
#   owner: data-governance
#   severity: high
#   frameworks: ["ASI03", "LLM02", "NIST-CSF:PR.AA"]
needed(doc) if doc.department in departments

needed(doc) if {
	not doc.department
	doc.classification in without_department
}

# METADATA
# title: the document isn't older than its collection's documents may be
# description: Where the facts say so; then one without a date, or with one that is still to come, is never given.
# custom:
#   id: document.age
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM09", "NIST-CSF:PR.DS"]
in_age(_) if not resource.collection.max_age_days

in_age(doc) if {
	doc.created >= input.context.time.hour_until - (resource.collection.max_age_days * 86400)
	doc.created < input.context.time.hour_until
}

# METADATA
# title: the document hasn't expired
# description: It is given until the hour before the one in which it expires.
# custom:
#   id: document.expiry
#   owner: data-governance
#   severity: medium
#   frameworks: ["ASI03", "LLM02", "NIST-CSF:PR.AA"]
unexpired(doc) if not doc.expires

unexpired(doc) if {
	doc.expires >= input.context.time.hour_until
	doc.expires < year_10000 # every text is greater than every number
}

year_10000 := 253402300800

tenants := {caller.tenant, "*"}

# The classifications that the caller may read here.
readable contains name if {
	some name, level in data.facts.classifications
	level <= ceiling
	some group in caller.groups
	level <= data.facts.classifications[data.facts.groups[group].clearance]
	open_to_contractor(level)
	safe(name)
}

# The highest classification that documents of this collection may have.
ceiling := data.facts.classifications[resource.collection.up_to]

ceiling := data.facts.classifications[resource.collection.classification] if not resource.collection.up_to

open_to_contractor(_) if not caller.is_contractor

open_to_contractor(level) if level <= data.facts.classifications[data.facts.contractors.clearance]

safe(name) if name != "restricted"

safe("restricted") if {
	network.from_inside
	device.in_good_posture
}

departments contains department if {
	department := input.subject.properties.department
	is_string(department)
}

departments contains grant.department if {
	some grant in data.facts.temporary
	grant.collection == input.resource.id
	caller.in_any(grant.groups)
	window.is_open(grant)
}

without_department contains name if some name in data.facts.documents.without_department

without_department contains name if {
	resource.collection.departments
	some name, _ in data.facts.classifications
}

# METADATA
# title: the collection has been asked about single documents too often
# description: |
#   Many narrow queries tell of a document what it says, one question after the other. What came back is kept back while the
#   caller's queries of late are above the limits of the facts, or aren't stated.
# custom:
#   id: document.inference
#   code: too_many_narrow_queries
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM02", "LLM10", "ATLAS:AML.T0024", "NIST-CSF:DE.CM"]
deny contains reason.from(rego.metadata.rule()) if not asked_seldom

# METADATA
# title: the results must be described
# description: One by one, for each is looked at.
# custom:
#   id: document.described
#   code: results_not_described
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM02", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if not described

# METADATA
# title: what came back is looked at, one document after the other
# description: The gateway gives those that are listed and takes out all others.
# custom:
#   id: document.keep
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM02", "LLM08", "ATLAS:AML.T0085.000", "NIST-CSF:PR.DS"]
obligations contains {
	"id": rego.metadata.rule().custom.id,
	"type": "keep_documents",
	"properties": {"documents": [i | some i, _ in kept]},
}

# METADATA
# title: fields that are for the document's own department are masked
# description: The facts list them, e.g. who owns a document.
# custom:
#   id: document.mask
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM02", "NIST-CSF:PR.DS"]
obligations contains {
	"id": sprintf("%s.%s", [rego.metadata.rule().custom.id, field]),
	"type": "mask_documents",
	"properties": {"documents": sort(found), "fields": [field]},
} if {
	some field, found in foreign
}

# METADATA
# title: sensitive documents are given with a label
# description: So that who reads one knows how to handle it.
# custom:
#   id: document.mark
#   owner: data-governance
#   severity: low
#   frameworks: ["LLM02", "NIST-CSF:PR.DS"]
obligations contains {
	"id": sprintf("%s.%s", [rego.metadata.rule().custom.id, classification]),
	"type": "label_documents",
	"properties": {"documents": sort(found), "labels": [label]},
} if {
	some classification, found in labelled
	label := data.facts.documents.labels[classification]
}

# METADATA
# title: the task has picked up what came back
# description: |
#   The labels stay with the task, so that later rules can keep its data from leaving: what the facts list for a
#   classification (`restricted-data`), and whose it is (`restricted:acme`).
# custom:
#   id: document.label
#   owner: data-governance
#   severity: high
#   frameworks: ["ASI01", "LLM02", "NIST-CSF:PR.DS"]
labels contains label if {
	some classification, _ in labelled
	some label in {data.facts.documents.labels[classification], concat(":", [classification, caller.tenant])}
}

documents := input.resource.properties.documents

asked_seldom if {
	is_number(input.resource.properties.recent.queries)
	is_number(input.resource.properties.recent.narrow)
	input.resource.properties.recent.queries <= data.facts.retrieval.recent.queries
	input.resource.properties.recent.narrow <= data.facts.retrieval.recent.narrow
}

described if is_array(documents)

kept[i] := doc if {
	some i, doc in documents
	shown(doc)
}

# The documents that say what is for their own department only, by field.
foreign[field] contains i if {
	some field in data.facts.documents.for_department
	some i, doc in kept
	type_name(doc[field])
	not own_department(doc)
}

own_department(doc) if doc.department == input.subject.properties.department

# The documents that are given, by the classifications that the facts have a label for.
labelled[doc.classification] contains i if {
	some i, doc in kept
	data.facts.documents.labels[doc.classification]
}
