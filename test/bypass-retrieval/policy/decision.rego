# METADATA
# title: What the bypass suite of retrieval is decided by
# description: |
#   Denies all that isn't named here. A caller may know documents of its own tenant, or of all, up to internal ones; the
#   condition is derived from the rule, and each document is judged by it.
package countersign

# METADATA
# title: Documents that may be known
# scope: document
# custom:
#   filter:
#     unknown: input.resource.document
include if {
	input.resource.document.tenant in {input.subject.properties.tenant, "*"}
	input.resource.document.class in {"public", "internal"}
}

# METADATA
# title: Decide one request
# entrypoint: true
decision := {
	"allow": true,
	"reasons": [],
	"obligations": [obligation | some obligation in obligations],
	"labels": [],
	"ttl": 0,
} if {
	is_allowed
} else := {
	"allow": false,
	"reasons": [{"code": "forbidden", "message": "this is not among what is allowed", "rule": "bypass.forbidden"}],
	"obligations": [],
	"labels": [],
	"ttl": 0,
}

action := input.action.name

resource := input.resource

is_request if input.action.properties.phase == "request"

collections := {
	"qdrant-docs", "qdrant-notes", "chroma-docs", "search-docs", "search-notes", "milvus-docs", "weaviate-docs",
	"pinecone-docs", "http-docs",
}

is_allowed if {
	resource.type == "collection"
	resource.id in collections
	action in {
		"retrieval.query", "retrieval.get", "retrieval.count", "retrieval.export", "retrieval.write",
		"retrieval.update", "retrieval.delete", "collection.describe",
	}
	not input.resource.properties.query.vectors
}

is_allowed if {
	resource.type == "store"
	action in {"collection.list", "store.describe"}
}

obligations contains {"id": "f", "type": "filter", "properties": {"include": "countersign/include"}} if {
	is_request
	startswith(action, "retrieval.")
}

obligations contains {"id": "h", "type": "hide_fields", "properties": {"fields": ["salary"]}} if {
	is_request
	startswith(action, "retrieval.")
}

obligations contains {"id": "s", "type": "stamp_documents", "properties": {
	"set": {"tenant": input.subject.properties.tenant},
	"at_least": {"class": {"value": "internal", "order": ["public", "internal", "restricted"]}},
}} if {
	is_request
	action in {"retrieval.write", "retrieval.update"}
}

obligations contains {"id": "k", "type": "keep_documents", "properties": {"documents": [i |
	some i, doc in input.resource.properties.documents
	include with input.resource.document as doc
]}} if {
	not is_request
}
