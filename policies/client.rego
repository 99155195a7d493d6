# METADATA
# title: What servers ask of clients
# description: |
#   A tool server may ask its client to call a model (sampling), to ask its user (elicitation), and where it works (roots).
#   Nothing of it is open unless the facts list it for the server; nobody is asked for a secret.
package countersign.client

import data.countersign.lib.reason
import data.countersign.lib.toolserver

# METADATA
# title: the server asks the user for a secret
# description: |
#   Passwords, keys and codes belong into no form that a tool server makes up. Where the gateway doesn't say that none is
#   asked for, one is.
# custom:
#   id: client.secret
#   code: secret_asked_for
#   owner: security
#   severity: critical
#   frameworks: ["ASI01", "ASI09", "MCP01", "NHI2", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name == "elicitation.create"
	not asks_for_no_secret
}

# METADATA
# title: the server sends the user to a host that is not listed
# description: Addresses that a user is asked to open must be https, on the hosts of the server's `elicitation.hosts`.
# custom:
#   id: client.host
#   code: elicitation_host_not_listed
#   owner: security
#   severity: high
#   frameworks: ["ASI01", "ASI09", "MCP06", "NIST-CSF:PR.PS"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name == "elicitation.create"
	input.resource.properties.mode != "form"
	not host_listed
}

# METADATA
# title: this server may ask the user
# description: By the modes (`form`, `url`) that the facts list for the server.
# custom:
#   id: client.elicitation
#   code: elicitation_granted
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI09", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name == "elicitation.create"
	input.resource.properties.mode in toolserver.facts.elicitation.modes
}

# METADATA
# title: this server may have the client's model write for it
# description: So many tokens and messages at most as the facts list for the server, and without tools.
# custom:
#   id: client.sampling
#   code: sampling_granted
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI01", "LLM06", "LLM10", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name == "sampling.create"
	is_within(input.resource.properties.max_tokens, toolserver.facts.sampling.max_tokens)
	is_within(input.resource.properties.messages, toolserver.facts.sampling.messages)
	no_tools
	input.resource.properties.include_context == "none"
}

# METADATA
# title: this server may ask where the client works
# description: For servers with `roots` in the facts.
# custom:
#   id: client.roots
#   code: roots_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["ASI03", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name == "roots.list"
	toolserver.facts.roots == true
}

# METADATA
# title: the answer to the server holds credentials
# description: What people and their models tell a server is searched for credentials; what wasn't searched as a whole counts as one.
# custom:
#   id: client.answer
#   code: secrets_in_client_answer
#   owner: security
#   severity: high
#   frameworks: ["ASI09", "LLM02", "MCP01", "NHI2", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"sampling.create", "elicitation.create", "roots.list"}
	input.action.properties.phase != "request"
	not free_of_secrets
}

# METADATA
# title: what the server asks holds credentials
# description: |
#   What people and their models are asked is searched for credentials, as results are, so that none is given by asking for
#   something; what wasn't searched as a whole counts as one.
# custom:
#   id: client.said
#   code: secrets_in_server_request
#   owner: security
#   severity: high
#   frameworks: ["ASI09", "LLM02", "MCP01", "MCP06", "NHI2", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"sampling.create", "elicitation.create"}
	not asks_without_secrets
}

asks_for_no_secret if input.resource.properties.asks_for_secret == false

host_listed if {
	input.resource.properties.scheme == "https"
	input.resource.properties.host in toolserver.facts.elicitation.hosts
}

is_within(asked, most) if {
	is_number(asked)
	is_number(most)
	asked >= 0
	asked <= most
}

# The gateway looks at answers as at arguments: what it found stands under `answer.facts`.
free_of_secrets if {
	input.resource.properties.answer.facts.secrets.count == 0
	input.resource.properties.answer.facts.truncated == false
}

# What is asked stands under `facts`.
asks_without_secrets if {
	input.resource.properties.facts.secrets.count == 0
	input.resource.properties.facts.truncated == false
}

no_tools if input.resource.properties.tools == 0
