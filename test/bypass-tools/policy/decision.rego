# METADATA
# title: What the tools' bypass suite is decided by
# description: |
#   Denies all that isn't named here. What the gateway lets pass under another spelling, from another server or for
#   somebody else is a hole.
package countersign

# METADATA
# title: Decide one request
# entrypoint: true
decision := {
	"allow": true,
	"reasons": [],
	"obligations": [],
	"labels": [],
	"ttl": 0,
} if {
	is_allowed
	not is_forbidden
} else := {
	"allow": false,
	"reasons": [{"code": "forbidden", "message": "this is not among what is allowed", "rule": "bypass.forbidden"}],
	"obligations": [],
	"labels": [],
	"ttl": 0,
}

action := input.action.name

resource := input.resource

properties := input.resource.properties

servers := {"files", "twin", "tide", "kid", "kin", "guest", "pets"}

tools := {
	"read", "pay", "place", "nest", "made", "garbage", "hang", "fork", "die", "half", "others", "texts", "twice", "noise",
	"token", "swap", "shout", "pid", "env", "listPets", "getPet", "addPet", "findFile", "Swap", "sh0ut", "to.ken", "to-ken",
}

is_allowed if {
	resource.type == "server"
	action == "tool.list"
	resource.id in servers
}

is_allowed if {
	resource.type == "tool"
	action in {"tool.list", "tool.call"}
	properties.server in servers
	properties.tool in tools
	object.get(properties, "definition_status", "approved") == "approved"
}

# New ones whose text is plain; one that changed waits for a person.
is_allowed if {
	action == "tool.approve"
	properties.definition_status == "new"
	properties.definition_flags == []
}

is_allowed if {
	resource.type == "resource"
	startswith(properties.uri, "note://public/")
	properties.host == "public"
	properties.scheme == "note"
}

is_allowed if {
	resource.type == "resource_template"
	properties.template == "note://public/{name}"
}

is_allowed if {
	resource.type == "prompt"
	properties.prompt == "hello"
}

is_allowed if {
	action == "elicitation.create"
	properties.asks_for_secret == false
	is_bearable
}

is_bearable if properties.mode == "form"

is_bearable if {
	properties.mode == "url"
	properties.host == "login.example"
}

is_allowed if {
	action == "sampling.create"
	properties.max_tokens <= 100
	properties.tools == 0
}

is_allowed if action == "roots.list"

is_allowed if {
	resource.type == "agent"
	resource.id == "helper"
}

# Who may call, may not pay more, nor read this, nor give what was found there.
is_forbidden if properties.arguments.amount > 10

is_forbidden if contains(json.marshal(properties.arguments), "/etc/shadow")

is_forbidden if count(properties.result.secrets) > 0

is_forbidden if input.subject.tenant == "nobody"
