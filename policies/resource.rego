# METADATA
# title: Resources of tool servers
# description: |
#   Opens resources by server, group and the beginning of their URI. Listing, reading and subscribing are one right, so that
#   what is listed can be read, and the other way round.
package countersign.resource

import data.countersign.lib.caller
import data.countersign.lib.host
import data.countersign.lib.reason
import data.countersign.lib.toolserver

# METADATA
# title: the resource's address leads into a private network
# description: Numbers, single words and names that are private are no hosts to read from over the network.
# custom:
#   id: resource.host
#   code: resource_host_private
#   owner: security
#   severity: high
#   frameworks: ["ASI02", "MCP05", "NIST-CSF:PR.IR"]
deny contains reason.from(rego.metadata.rule()) if {
	regex.match(`^(?i)(https?|wss?|ftps?|sftp|ssh|git|redis|gopher|ldaps?)(\+|:|$)`, fixed)
	not host_public
}

# METADATA
# title: your groups may read this resource
# description: The URI goes on in plain form behind one of the beginnings that the facts open to one of the caller's groups.
# custom:
#   id: resource.use
#   code: resource_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["MCP02", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.resource.type == "resource"
	input.action.name in {"resource.list", "resource.read", "resource.subscribe"}
	some grant in toolserver.facts.resources
	caller.in_any(grant.groups)
	some beginning in grant.under
	is_under(address, beginning)
}

# METADATA
# title: your groups may read what this template gives
# description: Its fixed part lies within what the facts open to one of the caller's groups.
# custom:
#   id: resource.template
#   code: template_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["MCP02", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.resource.type == "resource_template"
	input.action.name == "resource.list"
	some grant in toolserver.facts.resources
	caller.in_any(grant.groups)
	some beginning in grant.under
	endswith(beginning, "/")
	is_under(fixed, beginning)
}

address := substring(input.resource.id, count(toolserver.name) + 1, -1)

# Up to the first expression.
fixed := split(address, "{")[0]

host_public if host.is_public(host.of(fixed))

# A beginning that ends in `/` is what is below; any other is that URI alone.
is_under(uri, beginning) if {
	endswith(beginning, "/")
	startswith(uri, beginning)
	is_plain(substring(uri, count(beginning) - 1, -1))
}

is_under(uri, beginning) if uri == beginning

is_plain(path) if {
	lowered := lower(path)
	every part in data.facts.paths.never_in_uris { not contains(lowered, part) }
}
