# METADATA
# title: Tasks
# description: |
#   Who may make tasks and for what, where a request must prove its task, and what its scopes leave it. Labels are read in
#   `flow.rego`, a task's purpose in `purpose.rego`.
package countersign.task

import data.countersign.flow
import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.task

# METADATA
# title: this needs a task that is proven by its token
# description: For the groups and actions that the facts list under `tasks.required`; what an entry doesn't name, it holds for all of.
# custom:
#   id: task.required
#   code: task_required
#   owner: security
#   severity: medium
#   frameworks: ["ASI03", "ASI10", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	required
	not task.is_proven
}

# METADATA
# title: this is not in the task's scopes
# description: |
#   A task with scopes may use what they name, by type and id, and nothing else: `tool:mail/send_email`, `model:gpt-4o`,
#   `collection:wiki`, `tool:files/*`.
# custom:
#   id: task.scope
#   code: task_scope
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI02", "ASI03", "LLM06", "MCP02", "NHI5", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	task.has_scopes
	input.resource.type in scoped
	input.action.name != "tool.approve"
	not in_scope
}

# METADATA
# title: too many tasks stand above this one
# description: Each was handed on by an agent that could be misled; the facts limit how many (`tasks.depth`).
# custom:
#   id: task.depth
#   code: task_too_deep
#   owner: security
#   severity: medium
#   frameworks: ["ASI07", "ASI08", "ASI10", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	type_name(input.context.task.depth)
	not shallow
}

# METADATA
# title: whoever has read what strangers wrote can't say whom the user named
# description: |
#   Recipients are named in the scopes of a new task, before anything is read; or by the user, with no agent between. Where what
#   was read isn't known, neither is this.
# custom:
#   id: task.recipients
#   code: recipients_named_too_late
#   owner: security
#   severity: high
#   frameworks: ["ASI01", "LLM01", "LLM06", "NIST-CSF:PR.DS"]
deny contains reason.resting_on(rego.metadata.rule(), flow.untrusted) if {
	input.action.name == "task.create"
	names_recipients
	not by_user
	not unread
}

# METADATA
# title: your groups may make tasks for this purpose, with such a budget
# description: |
#   The facts list under `tasks.create` groups, purposes, and the most of what a budget must say. Without a purpose where an
#   entry says `without_purpose`.
# custom:
#   id: task.create
#   code: task_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["ASI03", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name == "task.create"
	some grant in data.facts.tasks.create
	caller.in_any(grant.groups)
	purpose_fits(grant)
	budget_fits(grant)
}

# METADATA
# title: this task is yours
# description: Its token proves it. Whose a token is, is the sidecar's to see to.
# custom:
#   id: task.own
#   code: task_own
#   owner: ai-platform
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"task.read", "task.end"}
	task.is_proven
}

required if {
	some entry in data.facts.tasks.required
	group_fits(entry)
	action_fits(entry)
}

group_fits(entry) if not entry.groups

# Limits follow from what is claimed.
group_fits(entry) if {
	some group in entry.groups
	group in input.subject.properties.groups
}

# Without a token there must be a way to one.
action_fits(entry) if {
	not entry.actions
	input.action.name != "task.create"
}

action_fits(entry) if input.action.name in entry.actions

scoped := {
	"model", "collection", "store", "storage", "tool", "prompt", "resource", "resource_template", "agent", "host", "route",
	"chain",
}

# INVARIANT: what isn't in an array of texts names nothing.
in_scope if {
	is_array(input.context.task.scopes)
	named(input.resource.type)
}

# A template stands for the resources that it gives.
in_scope if {
	is_array(input.context.task.scopes)
	input.resource.type == "resource_template"
	named("resource")
}

named(type) if task.named_in(concat(":", [type, input.resource.id]), input.context.task.scopes)

shallow if {
	is_number(input.context.task.depth)
	is_number(data.facts.tasks.depth)
	input.context.task.depth <= data.facts.tasks.depth
}

names_recipients if {
	some scope in input.resource.properties.scopes
	startswith(lower(scope), "recipient:")
}

unread if {
	flow.known
	count(flow.untrusted) == 0
}

by_user if {
	input.subject.properties.delegation.depth == 0
	input.subject.properties.delegation.principal.type == "user"
}

purpose_fits(grant) if input.resource.properties.purpose in grant.purposes

purpose_fits(grant) if {
	grant.without_purpose == true
	not purpose_stated
}

# Also where it is null or false.
purpose_stated if type_name(input.resource.properties.purpose)

budget_fits(grant) if {
	every unit, most in object.get(grant, "budget", {}) { within(input.resource.properties.budget[unit], most) }
}

within(wanted, most) if {
	is_number(wanted)
	is_number(most)
	wanted <= most
}

# Amounts of money are texts.
within(wanted, most) if {
	wanted.currency == most.currency
	to_number(wanted.amount) <= to_number(most.amount)
}
