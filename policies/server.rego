# METADATA
# title: Tool servers
# description: |
#   Opens the way to a tool server, to start a session and ask what tools it has, to its own tenants. Each tool, resource
#   and prompt is decided on its own.
package countersign.server

import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.toolserver

# METADATA
# title: this tool server is not one of your tenant's
# description: Holds for all that a server has, and all that it asks for, whatever else opens it.
# custom:
#   id: server.own
#   code: server_not_yours
#   owner: ai-platform
#   severity: high
#   frameworks: ["ASI03", "ASI04", "NHI8", "MCP09", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if not own

# METADATA
# title: your tenant may speak to this tool server
# description: The facts list the servers of each tenant.
# custom:
#   id: server.tenant
#   code: server_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["ASI02", "MCP09", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name == "tool.list"
	own
}

own if caller.tenant in toolserver.facts.tenants
