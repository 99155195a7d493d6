# METADATA
# title: Definitions of tools
# description: |
#   Keeps tools out of use whose definition nobody approved, or that changed since. The gateway compares definitions; a
#   person approves them (`countersign tools approve`), or these rules do.
package countersign.definition

import data.countersign.lib.reason
import data.countersign.lib.toolserver

# METADATA
# title: the tool's definition has not been approved
# description: |
#   A tool that is new, or whose definition changed, is in quarantine until it is approved. Servers with `unapproved: allowed` in
#   the facts are being tried out: the gateway must only observe their definitions (`definitions: observe`), too.
# custom:
#   id: definition.quarantine
#   code: definition_quarantined
#   owner: security
#   severity: high
#   frameworks: ["ASI01", "ASI04", "MCP03", "MCP04", "NIST-CSF:PR.PS"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name != "tool.approve"
	not approved
}

# METADATA
# title: definitions of this server's tools are approved when they are first seen
# description: |
#   For servers with `approve: first_use` in the facts. Never a definition that changed, never one with flags (hidden
#   characters, text that reads like an instruction), never a tool of critical risk.
# custom:
#   id: definition.first-use
#   code: first_use_approved
#   owner: security
#   severity: medium
#   frameworks: ["ASI04", "MCP03", "NIST-CSF:PR.PS"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name == "tool.approve"
	toolserver.facts.approve == "first_use"
	input.resource.properties.definition_status == "new"
	input.resource.properties.definition_flags == []
	data.facts.risks[toolserver.tool.risk].rank < data.facts.risks.critical.rank
}

approved if input.resource.properties.definition_status == "approved"

# A digest in the facts is an approval by who wrote them.
approved if toolserver.tool.definition_digest == input.resource.properties.definition_digest

approved if toolserver.facts.unapproved == "allowed"
