# METADATA
# title: Writing documents
# description: |
#   What is brought into a collection says whose it is and how secret: by the gateway's stamp, never by the writer's choice. Who
#   may write is said in `retrieval.rego`.
package countersign.ingest

import data.countersign.document
import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.resource
import data.countersign.lib.task

# METADATA
# title: the documents must be described, and not too many at once
# description: The gateway tells of each what it would be stored with. The facts limit their number.
# custom:
#   id: ingest.size
#   code: documents_not_allowed
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM10", "LLM04", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if not described

# METADATA
# title: a document names another tenant
# description: A document may name the writer's own tenant or none; `*`, which is everyone's, isn't for writers to say.
# custom:
#   id: ingest.tenant
#   code: document_of_another_tenant
#   owner: data-governance
#   severity: high
#   frameworks: ["ASI06", "LLM04", "LLM08", "MAESTRO:L2", "ATLAS:AML.T0070", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	described
	not of_own_tenant
}

# METADATA
# title: a document names a lower classification than its collection's
# description: What is written as less secret than it is leaks to whoever isn't cleared for it. Unknown words are no classification.
# custom:
#   id: ingest.classification
#   code: classification_too_low
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM02", "LLM04", "MAESTRO:L2", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	described
	not high_enough
}

# METADATA
# title: a document is more secret than this collection may hold
# description: Nothing has been checked for it here.
# custom:
#   id: ingest.ceiling
#   code: classification_too_high
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM02", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	described
	not low_enough
}

# METADATA
# title: the task has read what is more secret than this collection may hold
# description: |
#   What is written may be what was read: it is as secret, or it is left where no label goes with it. The facts say what labels
#   stand for (`flow.classified`).
# custom:
#   id: ingest.down
#   code: written_down
#   owner: data-governance
#   severity: high
#   frameworks: ["ASI01", "ASI06", "LLM02", "NIST-CSF:PR.DS"]
deny contains reason.resting_on(rego.metadata.rule(), weighty) if count(weighty) > 0

# METADATA
# title: documents are stored as the writer's tenant's, and no less secret than their collection and what the task has read
# description: The gateway writes both into each document, whatever it says.
# custom:
#   id: ingest.stamp
#   owner: data-governance
#   severity: high
#   frameworks: ["ASI06", "LLM04", "LLM08", "MAESTRO:L2", "ATLAS:AML.T0070", "NIST-CSF:PR.DS"]
obligations contains {
	"id": rego.metadata.rule().custom.id,
	"type": "stamp_documents",
	"properties": {
		"set": {"tenant": caller.tenant},
		"at_least": {"classification": {"value": floor, "order": order}},
	},
}

brought := input.resource.properties.documents if is_array(input.resource.properties.documents)

# A change need not bring what policy sees.
brought := [] if {
	input.action.name == "retrieval.update"
	not input.resource.properties.documents
}

described if {
	count(brought) <= data.facts.retrieval.written
	every doc in brought { is_object(doc) }
}

of_own_tenant if {
	every doc in brought { own(doc) }
}

own(doc) if not doc.tenant

own(doc) if doc.tenant == caller.tenant

high_enough if {
	every doc in brought { from_floor(doc) }
}

# The stamp gives it one.
from_floor(doc) if not doc.classification

from_floor(doc) if data.facts.classifications[doc.classification] >= data.facts.classifications[resource.classification]

low_enough if {
	every doc in brought { to_ceiling(doc) }
}

to_ceiling(doc) if not doc.classification

to_ceiling(doc) if data.facts.classifications[doc.classification] <= document.ceiling

# The highest of the collection's and of what the task has read.
floor := name if {
	level := max({data.facts.classifications[resource.classification]} | {data.facts.classifications[one] |
		some one in read
	})
	some name, of in data.facts.classifications
	of == level
}

# By the labels that it has picked up.
read[label] := classification if {
	some label in task.labels
	some name, classification in data.facts.flow.classified
	task.named_in(label, [name])
}

weighty contains label if {
	some label, classification in read
	data.facts.classifications[classification] > document.ceiling
}

# From the lowest to the highest.
order := [name |
	some level in sort([one | some one in data.facts.classifications])
	some name, of in data.facts.classifications
	of == level
]
