# METADATA
# title: Tools
# description: |
#   Opens tools by name and arguments. A tool is listed for whoever could call it with some arguments.
package countersign.tool

import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.toolserver

# METADATA
# title: this tool is not known here
# description: Each tool has an entry in the facts, named by server and tool, or there is one for all of its server.
# custom:
#   id: tool.known
#   code: tool_unknown
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI02", "ASI04", "MCP09", "NIST-CSF:ID.AM"]
deny contains reason.from(rego.metadata.rule()) if not tool

# METADATA
# title: this tool may not be used by anyone
# description: For tools that destroy what can't be brought back.
# custom:
#   id: tool.forbidden
#   code: tool_forbidden
#   owner: security
#   severity: high
#   frameworks: ["ASI02", "LLM06", "MCP02", "NIST-CSF:PR.PS"]
deny contains reason.from(rego.metadata.rule()) if tool.forbidden

# METADATA
# title: the tool's definition is not the one that was approved
# description: For tools whose facts pin a digest. A description that changes after approval can mislead the model.
# custom:
#   id: tool.definition
#   code: tool_definition_changed
#   owner: security
#   severity: high
#   frameworks: ["ASI04", "MCP03", "NIST-CSF:PR.PS"]
deny contains reason.from(rego.metadata.rule()) if {
	tool.definition_digest
	not definition_approved
}

# METADATA
# title: the tool's arguments are missing, unknown or of the wrong type
# description: Only the arguments in the facts may be given, each of the type stated there.
# custom:
#   id: tool.arguments
#   code: arguments_not_allowed
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI02", "MCP05", "NIST-CSF:PR.PS"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name == "tool.call"
	not toolserver.is_response
	tool
	not arguments_fit
}

# METADATA
# title: the path is not in plain form
# description: A path that a file server could read differently than this policy (`..`, doubled or back slashes, escapes).
# custom:
#   id: tool.path
#   code: path_not_plain
#   owner: security
#   severity: high
#   frameworks: ["ASI02", "ASI05", "MCP05", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	path := input.resource.properties.arguments.path
	not is_plain(path)
}

# METADATA
# title: your groups may use this tool somewhere
# description: The tool shows up in lists; each call is decided on its arguments.
# custom:
#   id: tool.list
#   code: tool_listed
#   owner: ai-platform
#   severity: low
#   frameworks: ["MCP02", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name == "tool.list"
	usable_on_paths
}

# METADATA
# title: your groups may use this tool somewhere, and so may have what it gave
# description: For results. The call was decided on its arguments; `result.rego` judges what came of it.
# custom:
#   id: tool.result
#   code: tool_used
#   owner: ai-platform
#   severity: low
#   frameworks: ["MCP02", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name == "tool.call"
	toolserver.is_response
	usable_on_paths
}

# METADATA
# title: your groups may use this tool on this path
# description: The path is under one of the folders that the facts open to one of the caller's groups.
# custom:
#   id: tool.call-on-path
#   code: path_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name == "tool.call"
	not toolserver.is_response
	some grant in tool.grants
	caller.in_any(grant.groups)
	some folder in grant.under
	startswith(input.resource.properties.arguments.path, folder)
}

# METADATA
# title: your tenant may use this tool
# description: For tools that the facts open to a whole tenant, whatever the arguments.
# custom:
#   id: tool.tenant
#   code: tool_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"tool.list", "tool.call"}
	has_programs
	caller.tenant in tool.tenants
}

# What the gateway's configuration says that a tool's data are.
labels contains label if {
	input.action.name == "tool.call"
	some label in input.resource.properties.labels
	is_string(label)
}

is_plain(path) if {
	every part in data.facts.paths.never { not contains(path, part) }
}

tool := toolserver.tool

usable_on_paths if {
	has_programs
	some grant in tool.grants
	caller.in_any(grant.groups)
	tool.arguments.path == "string"
	some folder in grant.under
	is_plain(folder)
}

# INVARIANT: what nobody could call with any arguments isn't listed: a tool that runs listed programs needs one.
has_programs if {
	not tool.programs
	not tool.interpreters
}

has_programs if count(tool.programs) > 0

has_programs if count(tool.interpreters) > 0

definition_approved if input.resource.properties.definition_digest == tool.definition_digest

arguments_fit if {
	is_object(input.resource.properties.arguments)
	every name, value in input.resource.properties.arguments {
		type_name(value) == tool.arguments[name]
	}
}
