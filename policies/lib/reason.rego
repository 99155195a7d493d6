# METADATA
# title: Reasons
# description: Turns a rule's METADATA into the reason that callers and logs see, so that both are stated once.
package countersign.lib.reason

# The title is the message: write it for the person who was refused, and never put input into it.
from(metadata) := {
	"code": metadata.custom.code,
	"message": metadata.title,
	"rule": metadata.custom.id,
}

# The same for a denial that the caller can lift with a better token: the rule's code is `insufficient_scope`, with
# {"scope": "words with a blank between two"}, or `insufficient_assurance`, with {"acr_values": "…", "max_age": seconds}.
needing(metadata, properties) := object.union(from(metadata), {"properties": properties})

# The same for a denial that rests on labels of the task; the sidecar adds where each comes from.
resting_on(metadata, labels) := object.union(from(metadata), {"labels": array.slice(sort(labels), 0, most)})

# As many as a reason may name.
most := 64
