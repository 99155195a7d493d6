# METADATA
# title: The decision
# description: |
#   Gathers what the rules of each file say. Nothing is allowed unless a rule allows it, and one rule that denies
#   outweighs all that allow. The rules of a kind are looked at only for resources of that kind.
package countersign

import data.countersign.contractor
import data.countersign.device
import data.countersign.environment
import data.countersign.hours
import data.countersign.model
import data.countersign.network
import data.countersign.residency
import data.countersign.retrieval
import data.countersign.server
import data.countersign.tool
import data.countersign.wellformed

# METADATA
# title: Decide one request
# description: "{allow, reasons: [{code, message, rule}], obligations: [{id, type, properties}], labels, ttl (seconds)}"
# entrypoint: true
decision := {
	"allow": false,
	"reasons": sort(deny),
	"obligations": [],
	"labels": [],
	"ttl": data.facts.ttl.deny,
} if {
	count(deny) > 0
} else := {
	"allow": true,
	"reasons": sort(allow),
	"obligations": sort(obligations),
	"labels": sort(labels),
	"ttl": data.facts.ttl.allow,
} if {
	count(allow) > 0
} else := {
	"allow": false,
	"reasons": [{"code": "default_deny", "message": "no rule allows this", "rule": "decision.default"}],
	"obligations": [],
	"labels": [],
	"ttl": data.facts.ttl.deny,
}

deny contains reason if some reason in wellformed.deny

deny contains reason if some reason in environment.deny

deny contains reason if some reason in residency.deny

deny contains reason if some reason in network.deny

deny contains reason if some reason in device.deny

deny contains reason if some reason in hours.deny

deny contains reason if some reason in contractor.deny

deny contains reason if {
	input.resource.type == "model"
	some reason in model.deny
}

deny contains reason if {
	input.resource.type == "collection"
	some reason in retrieval.deny
}

deny contains reason if {
	input.resource.type == "tool"
	some reason in tool.deny
}

allow contains reason if {
	input.resource.type == "model"
	some reason in model.allow
}

allow contains reason if {
	input.resource.type == "collection"
	some reason in retrieval.allow
}

allow contains reason if {
	input.resource.type == "tool"
	some reason in tool.allow
}

allow contains reason if {
	input.resource.type == "server"
	some reason in server.allow
}

obligations contains obligation if some obligation in contractor.obligations

obligations contains obligation if {
	input.resource.type == "collection"
	some obligation in retrieval.obligations
}

labels contains label if {
	input.resource.type == "collection"
	some label in retrieval.labels
}
