# METADATA
# title: The resource
# description: What is asked for, in the words of the facts. Undefined where the facts don't know it.
package countersign.lib.resource

tier := data.facts.models[input.resource.id].tier if input.resource.type == "model"

collection := data.facts.collections[input.resource.id] if input.resource.type == "collection"

# Where OpenAI's stores of vectors are kept.
collection := data.facts.storage[input.resource.id] if input.resource.type == "storage"

classification := collection.classification

# Sensitive data may flow: the network and device rules apply.
is_restricted if tier == "restricted"

is_restricted if classification == "restricted"

# Runs in an environment and region that the gateway's catalogue states.
is_placed if input.resource.type in {"model", "collection", "store", "storage", "route", "chain"}

# What isn't said to be a response is a request.
is_request if not is_response

is_response if input.action.properties.phase == "response"

# What came back is decided on, document by document.
gives_documents if {
	is_response
	input.action.name in {"retrieval.query", "retrieval.get", "retrieval.export"}
	input.resource.type in {"collection", "storage"}
}
