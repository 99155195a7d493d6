# METADATA
# title: The task
# description: |
#   What a request's task is, and what it has picked up. Read here field by field, so that two requests of different tasks share
#   a decision where these are alike. A purpose and scopes count where a token proves the task.
package countersign.lib.task

# What the task, and whoever holds it, has picked up. INVARIANT: where this can't be told, `labels_known` doesn't hold.
labels contains label if {
	labels_known
	some label in input.context.task.labels
}

labels_known if {
	is_array(input.context.task.labels)
	every label in input.context.task.labels { is_string(label) }
}

# Also where they are null or false.
labels_stated if type_name(input.context.task.labels)

is_proven if input.context.task.proven == true

# INVARIANT: these only ever narrow. Also where they are null or false.
has_purpose if {
	is_proven
	type_name(input.context.task.purpose)
}

has_scopes if {
	is_proven
	type_name(input.context.task.scopes)
}

# Of a task that was made with them: `POST /v1/tasks`, or for a sub-agent.
scopes contains scope if {
	is_proven
	input.context.task.born in {"created", "exchanged"}
	is_array(input.context.task.scopes)
	some scope in input.context.task.scopes
	is_string(scope)
}

# One of the names, or what begins as one that ends in `*`.
named_in(word, names) if word in names

named_in(word, names) if {
	some name in names
	endswith(name, "*")
	startswith(word, trim_suffix(name, "*"))
}
