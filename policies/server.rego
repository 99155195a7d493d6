# METADATA
# title: Tool servers
# description: Opens the way to a tool server, to start a session and ask what tools it has. Each tool is decided on its own.
package countersign.server

import data.countersign.lib.caller
import data.countersign.lib.reason

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
	caller.tenant in data.facts.servers[input.resource.id].tenants
}
