# METADATA
# title: Other agents
# description: |
#   Opens agents (A2A) to groups. What is said to an agent is carried on by it with rights of its own, so that the number of
#   hands between the person and the request is limited.
package countersign.agent

import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.toolserver

# METADATA
# title: this agent is not known here
# description: Each agent has an entry in the facts, by the name that it has in the gateway's configuration.
# custom:
#   id: agent.known
#   code: agent_unknown
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI04", "ASI07", "ASI10", "NIST-CSF:ID.AM"]
deny contains reason.from(rego.metadata.rule()) if not agent

# METADATA
# title: too many hands stand between the person and this agent
# description: Each of them can be misled; the facts limit for each agent how many may act between the person and a message.
# custom:
#   id: agent.chain
#   code: chain_too_long
#   owner: security
#   severity: medium
#   frameworks: ["ASI03", "ASI07", "ASI08", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name == "agent.message"
	not short_enough
}

# METADATA
# title: the message holds credentials
# description: |
#   Whether it is sent or comes back. What an agent is told it keeps, and tells on. Without detectors in the gateway
#   nothing is looked for, and nothing denied.
# custom:
#   id: agent.secrets
#   code: secrets_in_message
#   owner: security
#   severity: critical
#   frameworks: ["ASI03", "ASI07", "LLM02", "NHI2", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	input.context.content
	not free_of_secrets
}

# METADATA
# title: the message leads to an address that is not one of the web's
# description: Files that a message names by their address are fetched by whoever reads it. All parts must be known.
# custom:
#   id: agent.links
#   code: private_link_in_message
#   owner: security
#   severity: high
#   frameworks: ["ASI01", "ASI07", "MAESTRO:L4", "NIST-CSF:PR.IR"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name == "agent.message"
	not leads_outside
}

# METADATA
# title: your groups may speak with this agent
# description: Its card, messages, and the tasks that they began. Whose a task is, is the gateway's to see to.
# custom:
#   id: agent.use
#   code: agent_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["ASI07", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in actions
	caller.in_any(agent.groups)
}

agent := data.facts.agents[input.resource.id]

short_enough if {
	is_number(input.subject.properties.delegation.depth)
	is_number(agent.actors)
	input.subject.properties.delegation.depth <= agent.actors
}

free_of_secrets if {
	input.context.content.secrets == {}
	object.get(input.context.content, ["unscanned", "secrets"], 0) == 0
}

# Detectors of other things only.
free_of_secrets if {
	is_object(input.context.content.detectors)
	not input.context.content.detectors.secrets
}

leads_outside if {
	not toolserver.is_response
	are_of_the_web(input.resource.properties)
}

leads_outside if {
	toolserver.is_response
	are_of_the_web(input.resource.properties.result)
}

are_of_the_web(message) if {
	is_array(message.parts)
	count(message.parts) == message.parts_count
	every part in message.parts { is_of_the_web(part) }
}

is_of_the_web(part) if part.kind in {"text", "data", "file"}

is_of_the_web(part) if part.web == true

actions := {
	"agent.describe", "agent.message",
	"agent.task.get", "agent.task.list", "agent.task.cancel", "agent.task.subscribe",
}
