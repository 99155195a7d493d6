# METADATA
# title: Named routes
# description: |
#   Opens web interfaces and internal tools by method and path. WebSocket is a right of its own. The gateway gives paths
#   decoded and in plain form; queries and bodies are there for rules of your own.
package countersign.route

import data.countersign.lib.caller
import data.countersign.lib.reason

# METADATA
# title: this route is not known here
# description: Each route has an entry in the facts, by the name that it has in the gateway's configuration.
# custom:
#   id: route.known
#   code: route_unknown
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI02", "ASI04", "NIST-CSF:ID.AM"]
deny contains reason.from(rego.metadata.rule()) if not route

# METADATA
# title: your groups may make such requests here
# description: The facts list groups, methods and the paths that they are open under.
# custom:
#   id: route.request
#   code: request_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name == "http.request"
	some grant in route.grants
	caller.in_any(grant.groups)
	input.action.properties.method in grant.methods
	is_under(grant.under)
}

# METADATA
# title: your groups may hold a connection open here
# description: For grants that say `websocket`. Single messages, where the gateway asks about them, come with it.
# custom:
#   id: route.socket
#   code: socket_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"websocket.open", "websocket.message"}
	some grant in route.grants
	grant.websocket == true
	caller.in_any(grant.groups)
	is_under(grant.under)
}

route := data.facts.routes[input.resource.id]

# `/api/` is what is below; `/api` is that path alone.
is_under(folders) if input.resource.properties.path in folders

is_under(folders) if {
	some folder in folders
	endswith(folder, "/")
	startswith(input.resource.properties.path, folder)
}
