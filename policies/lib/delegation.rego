# METADATA
# title: Delegation
# description: |
#   Who acts for whom, and what remains of what each of them may do: user ∩ agents ∩ what was delegated.
#   What is missing, empty or of the wrong type anywhere permits nothing.
#   After `not` put a rule of your own that calls these, never the call: with an undefined argument it would be undefined.
package countersign.lib.delegation

facts := input.subject.properties.delegation

# The one at the beginning of the chain; `user` only where it is a human.
principal := facts.principal

user := facts.user

# The one who calls: the last actor, or the principal itself.
caller := facts.caller

# At least one actor stands between the principal and this request.
is_delegated if {
	is_number(facts.depth)
	facts.depth >= 1
	is_array(facts.actors)
	count(facts.actors) == facts.depth
}

# The principal calls itself.
is_direct if {
	facts.depth == 0
	facts.actors == []
}

# So many actors at most.
is_within(most) if {
	is_delegated
	is_number(most)
	facts.depth <= most
}

is_within(most) if {
	is_direct
	is_number(most)
	most >= 0
}

# METADATA
# title: What an agent may do for its principal
# description: |
#   Holds where all have the permission: the principal, every agent of the chain, and the scopes of the credential.
#   `agent_permissions` is an object of each agent's permissions by its `key`, or, where there is exactly one agent,
#   its permissions. A credential without scopes delegates nothing; see `permits_unscoped`.
permits(user_permissions, agent_permissions, wanted) if {
	permits_with(user_permissions, agent_permissions, facts.scopes, wanted)
}

# METADATA
# title: The same, where a credential without scopes delegates all that its principal may
# description: Scopes count where there are any, be it an empty list.
permits_unscoped(user_permissions, agent_permissions, wanted) if {
	permits(user_permissions, agent_permissions, wanted)
}

permits_unscoped(user_permissions, agent_permissions, wanted) if {
	is_unscoped
	permits_with(user_permissions, agent_permissions, {wanted}, wanted)
}

# METADATA
# title: The same, where something else than scopes says what was delegated
# description: E.g. permissions that the facts list for scopes, or a transaction's context.
permits_with(user_permissions, agent_permissions, delegated_permissions, wanted) if {
	is_delegated
	has(user_permissions, wanted)
	agents_have(agent_permissions, wanted)
	has(delegated_permissions, wanted)
}

# METADATA
# title: What a principal may do itself
# description: Holds where nobody acts for it; scopes limit it where there are any.
permits_alone(own_permissions, wanted) if {
	is_direct
	has(own_permissions, wanted)
	alone_in_scope(wanted)
}

alone_in_scope(_) if is_unscoped

alone_in_scope(wanted) if has(facts.scopes, wanted)

is_unscoped if {
	is_object(facts)
	not scopes_stated
}

# Also where they are null or false.
scopes_stated if "scopes" in object.keys(facts)

agents_have(permissions, wanted) if {
	facts.depth == 1
	has(permissions, wanted)
}

agents_have(permissions, wanted) if {
	is_object(permissions)
	every actor in facts.actors {
		has(permissions[actor.key], wanted)
	}
}

# Membership in a set or an array; `in` alone would also look at an object's values.
has(permissions, wanted) if {
	is_name(wanted)
	is_list(permissions)
	wanted in permissions
}

is_name(wanted) if {
	is_string(wanted)
	wanted != ""
}

is_list(permissions) if is_set(permissions)

is_list(permissions) if is_array(permissions)
