# METADATA
# title: What the bypass suite is decided by
# description: |
#   Forbids by name and allows all else, so that the gateway alone stands between a forbidden name and its upstream:
#   whatever it lets pass under another spelling is a hole.
package countersign

# METADATA
# title: Decide one request
# entrypoint: true
decision := {
	"allow": false,
	"reasons": [{"code": "forbidden", "message": "this name is forbidden", "rule": "bypass.forbidden"}],
	"obligations": [],
	"labels": [],
	"ttl": 0,
} if {
	is_forbidden
} else := {
	"allow": true,
	"reasons": [],
	"obligations": [],
	"labels": [],
	"ttl": 0,
}

forbidden := {"forbidden-model", "claude-forbidden", "gem-forbidden", "delete_file"}

is_forbidden if input.resource.id in forbidden

# What a model is made to ask its client for.
is_forbidden if contains(json.marshal(input.resource.properties.arguments), "/etc/shadow")
