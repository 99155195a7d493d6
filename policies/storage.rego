# METADATA
# title: Storage
# description: |
#   Opens the account where files and stores of vectors are kept, by group and purpose. Which files a search may give is said in
#   `document.rego`, what they are stored with in `ingest.rego`. Whose a file or store is, is the
#   gateway's to see to: an id that another identity (of a store: another tenant) got is unknown. The lines of a batch's
#   file, and batches themselves, are decided as requests of their models.
package countersign.storage

import data.countersign.lib.caller
import data.countersign.lib.reason

# METADATA
# title: this account is not known here
# description: The facts list the accounts where things may be kept.
# custom:
#   id: storage.known
#   code: storage_unknown
#   owner: data-governance
#   severity: medium
#   frameworks: ["ASI04", "NIST-CSF:ID.AM"]
deny contains reason.from(rego.metadata.rule()) if not account

# METADATA
# title: files for this purpose may not be kept here
# description: The facts list the purposes of each account. What models learn from (`fine-tune`) leaves for good.
# custom:
#   id: storage.purpose
#   code: purpose_not_allowed
#   owner: data-governance
#   severity: high
#   frameworks: ["LLM02", "LLM03", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name == "file.create"
	not purpose_allowed
}

# METADATA
# title: your groups may keep files and stores of vectors here
# description: The facts list the groups of each account.
# custom:
#   id: storage.use
#   code: storage_granted
#   owner: data-governance
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in actions
	caller.in_any(account.groups)
}

# METADATA
# title: your groups may search what your tenant keeps here
# description: A number of results must be given, within the limit of all queries.
# custom:
#   id: storage.search
#   code: search_granted
#   owner: data-governance
#   severity: low
#   frameworks: ["LLM08", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name == "retrieval.query"
	caller.in_any(account.groups)
	is_number(input.action.properties.top_k)
	input.action.properties.top_k <= data.facts.retrieval.top_k
}

account := data.facts.storage[input.resource.id]

purpose_allowed if input.action.properties.purpose in account.purposes

actions := {
	"file.create", "file.read", "file.content", "file.delete",
	"vector_store.create", "vector_store.read", "vector_store.update", "vector_store.delete",
}
