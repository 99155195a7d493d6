# METADATA
# title: The resource
# description: What is asked for, in the words of the facts. Undefined where the facts don't know it.
package countersign.lib.resource

tier := data.facts.models[input.resource.id].tier if input.resource.type == "model"

collection := data.facts.collections[input.resource.id] if input.resource.type == "collection"

classification := collection.classification

# Sensitive data may flow: the network and device rules apply.
is_restricted if tier == "restricted"

is_restricted if classification == "restricted"

# Runs in an environment and region that the gateway's catalogue states.
is_placed if input.resource.type in {"model", "collection", "storage", "route", "chain"}
