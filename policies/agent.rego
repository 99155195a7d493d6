# METADATA
# title: Other agents
# description: |
#   Opens agents (A2A) to groups. What is said to an agent is carried on by it with rights of its own, so that the number of
#   hands between the person and the request is limited.
package countersign.agent

import data.countersign.lib.caller
import data.countersign.lib.reason

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

actions := {
	"agent.describe", "agent.message",
	"agent.task.get", "agent.task.list", "agent.task.cancel", "agent.task.subscribe",
}
