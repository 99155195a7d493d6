# METADATA
# title: What tools are called with
# description: |
#   Judges the arguments of tools and prompts by the facts that the gateway finds in them (`resource.properties.facts`), never by
#   patterns on raw text: secrets, addresses, paths, commands, code, recipients.
package countersign.argument

import data.countersign.lib.host
import data.countersign.lib.reason
import data.countersign.lib.toolserver

# METADATA
# title: the arguments hold credentials
# description: A tool that needs credentials gets them from the gateway, which keeps them. What a model knows, it can be made to tell.
# custom:
#   id: argument.secrets
#   code: secrets_in_arguments
#   owner: security
#   severity: critical
#   frameworks: ["ASI03", "LLM02", "MCP01", "NHI2", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	facts_stated
	not free_of_secrets
}

# METADATA
# title: the arguments could not be judged as a whole
# description: |
#   There was too much in them to look at, or something else than what their mapping says; or nobody looked.
# custom:
#   id: argument.unread
#   code: arguments_not_searched
#   owner: security
#   severity: medium
#   frameworks: ["ASI02", "MCP05", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if not read_whole

# METADATA
# title: the arguments lead to a private or unclear address
# description: |
#   Private hosts, cloud metadata, names and passwords in addresses, addresses that programs read differently. Tools whose
#   entry says `private_hosts` take texts in which such may be mentioned.
# custom:
#   id: argument.private
#   code: private_host_in_arguments
#   owner: security
#   severity: high
#   frameworks: ["ASI02", "MCP05", "MAESTRO:L4", "NIST-CSF:PR.IR"]
deny contains reason.from(rego.metadata.rule()) if {
	facts_stated
	not leads_outside
}

# METADATA
# title: the arguments lead to a host that is not listed for this tool
# description: For tools whose entry lists `hosts`, and for all that act outside.
# custom:
#   id: argument.hosts
#   code: host_not_listed
#   owner: security
#   severity: high
#   frameworks: ["ASI01", "ASI02", "MCP05", "NIST-CSF:PR.IR"]
deny contains reason.from(rego.metadata.rule()) if {
	facts_stated
	hosts_limited
	not hosts_listed
}

# METADATA
# title: the tool would write to somebody who is not listed
# description: Domains of recipients must be in the entry's `recipients`.
# custom:
#   id: argument.recipients
#   code: recipient_not_listed
#   owner: data-governance
#   severity: high
#   frameworks: ["ASI01", "ASI02", "LLM02", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	type_name(input.resource.properties.facts.recipient_domains)
	not recipients_listed
}

# METADATA
# title: the command is not made of programs that are listed
# description: |
#   For tools whose entry lists `programs`, and wherever the gateway found commands. All of the line must be understood, each
#   program called by its name, without redirections. Programs that may run others by their options must be in `interpreters`.
# custom:
#   id: argument.programs
#   code: program_not_listed
#   owner: security
#   severity: critical
#   frameworks: ["ASI02", "ASI05", "MCP05", "NIST-CSF:PR.PS"]
deny contains reason.from(rego.metadata.rule()) if {
	facts_stated
	runs_commands
	not programs_listed
}

# METADATA
# title: the command reaches paths that are not listed
# description: For tools whose entry lists folders as `under`. Paths must be plain, and below one of them, or relative.
# custom:
#   id: argument.paths
#   code: path_not_listed
#   owner: security
#   severity: high
#   frameworks: ["ASI02", "ASI05", "MCP05", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	facts_stated
	toolserver.tool.under
	not paths_listed
}

# METADATA
# title: the code is not of a kind that is listed for this tool
# description: |
#   SQL of the entry's `statements` alone, where all of it is understood; other languages where `languages` lists them, as nobody
#   can tell what they do before they do it.
# custom:
#   id: argument.code
#   code: code_not_listed
#   owner: security
#   severity: critical
#   frameworks: ["ASI05", "MCP05", "NIST-CSF:PR.PS"]
deny contains reason.from(rego.metadata.rule()) if {
	type_name(input.resource.properties.facts.code)
	not code_listed
}

facts_stated if type_name(input.resource.properties.facts)

free_of_secrets if input.resource.properties.facts.secrets.count == 0

read_whole if {
	input.resource.properties.facts.truncated == false
	not unreadable
}

unreadable if type_name(input.resource.properties.facts.unreadable)

leads_outside if toolserver.tool.private_hosts == true

leads_outside if {
	input.resource.properties.facts.private == false
	every url in input.resource.properties.facts.urls {
		url.private == false
		url.odd == false
		url.userinfo == false
	}
}

hosts_limited if toolserver.tool.hosts

hosts_limited if toolserver.tool.effect == "external"

hosts_listed if {
	is_array(input.resource.properties.facts.hosts)
	every name in input.resource.properties.facts.hosts { is_listed(name) }
}

is_listed(name) if {
	some listed in host.listed_as(name)
	listed in toolserver.tool.hosts
}

recipients_listed if {
	every domain in input.resource.properties.facts.recipient_domains { domain in toolserver.tool.recipients }
}

runs_commands if toolserver.tool.programs

runs_commands if toolserver.tool.interpreters

runs_commands if type_name(input.resource.properties.facts.shell)

programs_listed if {
	input.resource.properties.facts.shell.complete == true
	is_array(input.resource.properties.facts.shell.interpreters)
	count(input.resource.properties.facts.shell.commands) > 0
	every command in input.resource.properties.facts.shell.commands {
		is_plain(command)
		is_known(command.program)
	}
}

is_plain(command) if {
	command.by == "name"
	command.redirects == []
	command.background == false
	command.substitution == false
}

is_known(program) if {
	program in toolserver.tool.programs
	not runs_others(program)
}

is_known(program) if program in toolserver.tool.interpreters

runs_others(program) if program in input.resource.properties.facts.shell.interpreters

paths_listed if {
	input.resource.properties.facts.traversal == false
	every path in input.resource.properties.facts.paths {
		path.odd == false
		path.home == false
		is_below(path)
	}
}

is_below(path) if path.absolute == false

is_below(path) if {
	some folder in toolserver.tool.under
	startswith(concat("", [path.path, "/"]), folder)
}

code_listed if {
	every piece in input.resource.properties.facts.code { is_allowed(piece) }
}

is_allowed(piece) if {
	piece.language == "sql"
	piece.complete == true
	count(piece.statements) > 0
	every word in array.concat(piece.statements, piece.uses) { word in toolserver.tool.statements }
}

is_allowed(piece) if {
	piece.language != "sql"
	piece.language in toolserver.tool.languages
}
