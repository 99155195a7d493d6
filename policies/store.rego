# METADATA
# title: Stores
# description: |
#   What concerns a store as a whole: its state, and the list of its collections, of which each is decided on besides
#   (`collection.describe`). Everything else is asked of a collection.
package countersign.store

import data.countersign.lib.caller
import data.countersign.lib.reason

# METADATA
# title: this store is not known here
# description: The facts list the stores and what their groups may do.
# custom:
#   id: store.known
#   code: store_unknown
#   owner: data-governance
#   severity: medium
#   frameworks: ["LLM08", "ASI04", "NIST-CSF:ID.AM"]
deny contains reason.from(rego.metadata.rule()) if not store

# METADATA
# title: your groups may do this with the store
# description: The facts list groups for each action.
# custom:
#   id: store.use
#   code: store_granted
#   owner: data-governance
#   severity: low
#   frameworks: ["LLM08", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"store.describe", "collection.list"}
	caller.in_any(store.grants[input.action.name])
}

store := data.facts.stores[input.resource.id]
