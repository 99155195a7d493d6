# METADATA
# title: What operators may do
# description: |
#   Decides who may set, lift and list fences, bump epochs, and push bundles. It is loaded beside the bundles of the callers'
#   policies, and none of them can change it. Copy it to where `operator.bundle` says to change it yourself.
#   Input: {operator: {id, person, by: "key" | "identity", roles, groups, tenant, issuer}, action, fence: {match, by, own, issued_before}};
#   for epoch.bump and epoch.list: {operator, action, epoch: {match}};
#   for bundle.*: {operator, action, bundle: {name, revision, version, digest, roots, signed_by, by, generation}}. A push is asked
#   about twice: by its name before it is read, and by all once it is verified.
package countersign.operator

# METADATA
# title: Decide one operator's request
# description: "{allow, reasons: [{code, message, rule}]}"
# entrypoint: true
decision := {"allow": false, "reasons": sort(deny)} if {
	count(deny) > 0
} else := {"allow": true, "reasons": sort(allow)} if {
	count(deny) == 0
	count(allow) > 0
} else := {"allow": false, "reasons": [no_grant]}

# METADATA
# title: no rule lets this operator do this
# custom:
#   id: operator.default
#   code: default_deny
#   owner: security
#   severity: low
no_grant := reason(rego.metadata.rule())

# METADATA
# title: this role may do this
# description: Roles of operator keys; groups and roles of callers who are identified by their own credentials.
# custom:
#   id: operator.granted
#   code: operator_granted
#   owner: security
#   severity: high
allow contains reason(rego.metadata.rule()) if {
	some role in data.operators.rights[input.action]
	role in roles
}

# METADATA
# title: operators of one tenant only fence, bump epochs, and push bundles, in that tenant
# description: |
#   What names no tenant holds in all. Only keys, and groups that the facts list under `fleet`, are of none. A bundle is a
#   tenant's where the facts say so under `bundles`.
# custom:
#   id: operator.tenant
#   code: other_tenant
#   owner: security
#   severity: critical
deny contains reason(rego.metadata.rule()) if {
	not everywhere
	not in_own_tenant
}

# METADATA
# title: nobody lifts a fence that names them
# custom:
#   id: operator.own
#   code: own_fence
#   owner: security
#   severity: critical
deny contains reason(rego.metadata.rule()) if {
	input.action == "fence.lift"
	not input.fence.own == false
}

# METADATA
# title: this bundle is for others to push
# description: |
#   Bundles that the facts list under `bundles` are for the roles (and groups) that stand there only: {"payments":
#   {"roles": ["payments-team"], "signed_by": ["payments-key"]}}; to look at them and to roll them back, too.
# custom:
#   id: operator.bundle
#   code: other_bundle
#   owner: security
#   severity: critical
deny contains reason(rego.metadata.rule()) if {
	startswith(input.action, "bundle.")
	listed := data.operators.bundles[input.bundle.name].roles
	every role in roles {
		not role in listed
	}
}

# METADATA
# title: this bundle is to be signed by another key
# custom:
#   id: operator.signed_by
#   code: other_key
#   owner: security
#   severity: critical
deny contains reason(rego.metadata.rule()) if {
	input.action == "bundle.push"
	input.bundle.digest
	keys := data.operators.bundles[input.bundle.name].signed_by
	signer := object.get(input.bundle, "signed_by", "")
	not signer in keys
}

roles contains role if some role in input.operator.roles

roles contains role if some role in input.operator.groups

in_own_tenant if {
	startswith(input.action, "fence.")
	input.fence.match.tenant == input.operator.tenant
}

in_own_tenant if {
	startswith(input.action, "epoch.")
	input.epoch.match.tenant == input.operator.tenant
}

in_own_tenant if {
	startswith(input.action, "bundle.")
	data.operators.bundles[input.bundle.name].tenant == input.operator.tenant
}

# What configuration doesn't tie to a tenant isn't.
everywhere if {
	input.operator.by == "key"
	not input.operator.tenant
}

# A tenant's own identity provider chooses the names of its groups: which issuer may speak for all is said here.
everywhere if {
	input.operator.by == "identity"
	some one in data.operators.fleet
	one.issuer == input.operator.issuer
	one.group in roles
}

reason(metadata) := {"code": metadata.custom.code, "message": metadata.title, "rule": metadata.custom.id}
