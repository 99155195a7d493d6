# METADATA
# title: Purposes
# description: |
#   Gives a task the tools, resources, prompts and agents that its purpose needs, and no others. A purpose counts where it
#   was proven: `tctx.purpose` of a transaction token, or the claim `purpose` of the caller's token, signed by its issuer.
#   What a request says of itself (`context.claimed`) is never asked. A task that was made for a purpose is held to that one
#   besides: whoever makes a task chooses its purpose, so that it opens nothing.
package countersign.purpose

import data.countersign.lib.reason
import data.countersign.lib.task
import data.countersign.lib.toolserver

# METADATA
# title: this is not needed for what your task is for
# description: |
#   The facts list what each purpose needs, and under `without_purpose` what is open to callers whose credentials state none.
#   What they don't list, an unknown purpose, and two different ones open nothing.
# custom:
#   id: purpose.needed
#   code: not_for_this_purpose
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI01", "ASI02", "ASI03", "LLM06", "MCP02", "NHI5", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name != "tool.approve"
	not needed
}

# METADATA
# title: this is not needed for what the task was made for
# description: |
#   The purpose of the task's token (`context.task`), by the same list. It holds beside the purposes of credentials: what is needed
#   for both is open.
# custom:
#   id: purpose.task
#   code: not_for_this_task
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI01", "ASI02", "ASI03", "LLM06", "MCP02", "NHI5", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name != "tool.approve"
	task.has_purpose
	not needed_by_task
}

needed_by_task if {
	kind := kinds[input.resource.type]
	toolserver.is_in(data.facts.purposes[input.context.task.purpose][kind])
}

needed if {
	toolserver.is_in(data.facts.purposes[stated][kinds[input.resource.type]])
}

needed if {
	not is_stated
	toolserver.is_in(data.facts.without_purpose[kinds[input.resource.type]])
}

kinds := {
	"tool": "tools",
	"resource": "resources",
	"resource_template": "resources",
	"prompt": "prompts",
	"agent": "agents",
}

# INVARIANT: two that contradict are none that is known: the rule below is undefined then.
stated := purpose if {
	is_stated
	count(purposes) == 1
	some purpose in purposes
	is_string(purpose)
}

purposes contains input.subject.properties.claims.purpose

purposes contains input.subject.properties.claims.tctx.purpose

is_stated if count(purposes) > 0
