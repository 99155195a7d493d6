# METADATA
# title: Limits
# description: |
#   What may be used over a time, by the facts: whoever they name is held to it. The sidecar counts, reserves before a call goes
#   out and settles after it (docs/limits.md); limits for all are its configuration's.
package countersign.limit

# METADATA
# title: use is counted, up to what the facts say
# description: |
#   An entry of `limits` holds for the `groups`, `actions`, `types` and `resources` that it names; what it doesn't name, it
#   holds for all of. The rest of it is the obligation.
# custom:
#   id: limit.use
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI08", "LLM10", "NIST-CSF:PR.IR"]
obligations contains {
	"id": concat(".", [rego.metadata.rule().custom.id, limit.name]),
	"type": "limit",
	"properties": object.remove(limit, ["groups", "actions", "types", "resources"]),
} if {
	not is_response
	some limit in data.facts.limits
	concerns_group(limit)
	concerns(limit, "actions", input.action.name)
	concerns(limit, "types", input.resource.type)
	concerns(limit, "resources", input.resource.id)
}

# What was asked for was counted.
is_response if input.action.properties.phase == "response"

concerns_group(limit) if not limit.groups

# Limits follow from what is claimed.
concerns_group(limit) if {
	some group in limit.groups
	group in input.subject.properties.groups
}

concerns(limit, list, _) if not limit[list]

concerns(limit, list, name) if name in limit[list]
