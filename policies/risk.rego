# METADATA
# title: Effect and risk of tools
# description: |
#   Opens no tool whose effect and risk aren't stated in the facts, and none that the gateway calls worse than the facts do:
#   the facts say the most. What the server says of its tools (annotations) is its own claim, and is read nowhere.
package countersign.risk

import data.countersign.lib.reason
import data.countersign.lib.toolserver

# METADATA
# title: the tool changes things, or acts outside, and is not listed for that
# description: |
#   A tool may do what its entry's `effect` says: `read`, `write` or `external`. One that the gateway maps to more, or
#   doesn't map, is denied.
# custom:
#   id: risk.effect
#   code: effect_not_listed
#   owner: security
#   severity: high
#   frameworks: ["ASI02", "LLM06", "MCP02", "NHI5", "NIST-CSF:PR.PS"]
deny contains reason.from(rego.metadata.rule()) if not effect_listed

# METADATA
# title: the tool's risk is higher than listed
# description: A tool may be of its entry's `risk` at most, `low`, `medium`, `high` or `critical`.
# custom:
#   id: risk.tier
#   code: risk_not_listed
#   owner: security
#   severity: high
#   frameworks: ["ASI02", "MCP02", "NIST-CSF:ID.RA"]
deny contains reason.from(rego.metadata.rule()) if not risk_listed

# METADATA
# title: tools of this risk need a stronger proof of who calls
# description: The facts say of each tier how strongly a caller must have proved itself; tools for administration need mTLS.
# custom:
#   id: risk.assurance
#   code: assurance_too_low
#   owner: security
#   severity: high
#   frameworks: ["ASI03", "NHI4", "MCP07", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name != "tool.approve"
	not assured
}

# METADATA
# title: tools of this risk are for people and those who act for them
# description: A human must be at the beginning of the chain. The facts say for which tiers.
# custom:
#   id: risk.human
#   code: no_human_in_chain
#   owner: security
#   severity: high
#   frameworks: ["ASI03", "ASI09", "NHI10", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name != "tool.approve"
	not attended
}

effect_listed if {
	effect_stated
	data.facts.effects[input.resource.properties.effect] <= data.facts.effects[toolserver.tool.effect]
	named_if_it_acts
}

# An enforcement point that says nothing of tools leaves it to the facts.
effect_listed if {
	not effect_stated
	toolserver.named
	data.facts.effects[toolserver.tool.effect] >= 0
}

risk_listed if {
	risk_stated
	data.facts.risks[input.resource.properties.risk].rank <= data.facts.risks[toolserver.tool.risk].rank
}

risk_listed if {
	not risk_stated
	toolserver.named
	data.facts.risks[toolserver.tool.risk].rank >= 0
}

# Also where it is null or false.
effect_stated if type_name(input.resource.properties.effect)

risk_stated if type_name(input.resource.properties.risk)

# An entry for all of a server opens what reads, whatever it says.
named_if_it_acts if toolserver.named

named_if_it_acts if input.resource.properties.effect == "read"

assured if {
	needed := data.facts.risks[toolserver.tool.risk].assurance
	data.facts.assurances[input.subject.properties.assurance] >= data.facts.assurances[needed]
}

attended if data.facts.risks[toolserver.tool.risk].human == false

# The beginning of the chain; single fields, so that not everybody has decisions of their own in the cache.
attended if input.subject.properties.delegation.principal.type == "user"
