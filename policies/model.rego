# METADATA
# title: Models
# description: |
#   Opens models by tier. Listing and invoking are one right: whoever can't invoke a model doesn't see it. So is
#   whatever else shows a model what callers write, and what an upstream keeps of a model's answers. Actions that
#   aren't listed here are open to nobody.
package countersign.model

import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.resource

# METADATA
# title: this model is not known here
# description: Each model has a tier in the facts.
# custom:
#   id: model.known
#   code: model_unknown
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI04", "NIST-CSF:ID.AM"]
deny contains reason.from(rego.metadata.rule()) if not resource.tier

# METADATA
# title: your groups may not use models of this tier
# description: Each tier is open to the groups listed in the facts.
# custom:
#   id: model.tier
#   code: tier_not_granted
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI03", "NHI5", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	resource.tier
	not tier_granted
}

# METADATA
# title: your groups may use models of this tier
# description: Seeing a model in a list and what it is, invoking it, and having it count or show what it would read.
# custom:
#   id: model.use
#   code: tier_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"model.invoke", "model.list", "model.count_tokens", "model.show", "model.tokenize"}
	tier_granted
}

# METADATA
# title: your groups may have models of this tier embed and classify texts
# description: Vectors of texts, how well they fit each other, their classes, and whether they are harmful.
# custom:
#   id: model.embed
#   code: embedding_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["LLM08", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"embedding.create", "moderation.create", "rerank.create", "classification.create"}
	tier_granted
}

# METADATA
# title: your groups may have models of this tier draw
# description: Images from texts, and from images.
# custom:
#   id: model.image
#   code: image_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"image.create", "image.edit"}
	tier_granted
}

# METADATA
# title: your groups may have models of this tier speak and listen
# description: Sound from texts, and texts from sound.
# custom:
#   id: model.audio
#   code: audio_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"speech.create", "transcription.create", "translation.create"}
	tier_granted
}

# METADATA
# title: your groups may run batches on models of this tier
# description: Each request within a batch is decided beside, as one of its own.
# custom:
#   id: model.batch
#   code: batch_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["LLM10", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"batch.create", "batch.read", "batch.cancel", "batch.delete", "batch.results"}
	tier_granted
}

# METADATA
# title: your groups may use what models of this tier answered
# description: |
#   Answers that an upstream keeps: reading, deleting and ending them. That they are the caller's own is the gateway's
#   to see to: an id that another identity got is unknown.
# custom:
#   id: model.stored
#   code: stored_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["ASI03", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"response.read", "response.delete", "response.cancel"}
	tier_granted
}

# METADATA
# title: your groups may put such models on a server, and take them off
# description: |
#   Pulling, pushing, creating, copying and deleting models of a known tier, by connections that are verified. What a
#   model is made of must be known, too.
# custom:
#   id: model.administer
#   code: administration_granted
#   owner: ai-platform
#   severity: high
#   frameworks: ["ASI04", "LLM03", "NIST-CSF:ID.AM"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"model.pull", "model.push", "model.create", "model.copy", "model.delete"}
	tier_granted
	caller.in_any(data.facts.administration.groups)
	object.get(input.action.properties, ["parameters", "insecure"], false) == false
	every name in ["from", "source"] { origin_known(name) }
}

origin_known(name) if object.get(input.action.properties, ["parameters", name], null) == null

origin_known(name) if data.facts.models[input.action.properties.parameters[name]]

tier_granted if caller.in_any(data.facts.tiers[resource.tier].groups)
