# METADATA
# title: Connections through the forward proxy
# description: |
#   Opens hosts of the web to groups, by name and port. What isn't listed is denied, and what is private is denied even if
#   listed.
package countersign.host

import data.countersign.lib.caller
import data.countersign.lib.host
import data.countersign.lib.reason

# METADATA
# title: connections lead to public hosts only, by their names
# description: Numbers, single words and names that are private are denied, whatever the facts list, and what the gateway calls so.
# custom:
#   id: host.private
#   code: host_private
#   owner: security
#   severity: high
#   frameworks: ["ASI02", "ASI05", "MCP05", "MAESTRO:L4", "NIST-CSF:PR.IR"]
deny contains reason.from(rego.metadata.rule()) if not named

# METADATA
# title: your groups may connect to this host
# description: The facts list the host (`pypi.org`, or `*.pypi.org` for what is below it), with its ports and groups.
# custom:
#   id: host.connect
#   code: host_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA", "NIST-CSF:PR.IR"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name == "network.connect"
	some name in host.listed_as(input.resource.properties.host)
	entry := data.facts.hosts[name]
	port in entry.ports
	caller.in_any(entry.groups)
}

# The port of the id, which is what is decided on; both parts of it must agree with the rest.
port := input.resource.properties.port if {
	input.resource.id == sprintf("%s:%d", [input.resource.properties.host, input.resource.properties.port])
}

named if {
	host.is_public(input.resource.properties.host)
	input.resource.properties.private == false
}
