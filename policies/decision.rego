# METADATA
# title: The decision
# description: |
#   Gathers what the rules of each file say. Nothing is allowed unless a rule allows it, and one rule that denies
#   outweighs all that allow. The rules of a kind are looked at only for resources of that kind.
package countersign

import data.countersign.agent
import data.countersign.argument
import data.countersign.canary
import data.countersign.chain
import data.countersign.client
import data.countersign.content
import data.countersign.contractor
import data.countersign.definition
import data.countersign.device
import data.countersign.document
import data.countersign.environment
import data.countersign.flow
import data.countersign.function
import data.countersign.host
import data.countersign.hours
import data.countersign.ingest
import data.countersign.lib.reason
import data.countersign.lib.resource as resource_facts
import data.countersign.lib.toolserver
import data.countersign.limit
import data.countersign.model
import data.countersign.network
import data.countersign.prompt
import data.countersign.purpose
import data.countersign.residency
import data.countersign.resource
import data.countersign.result
import data.countersign.retrieval
import data.countersign.risk
import data.countersign.route
import data.countersign.server
import data.countersign.storage
import data.countersign.store
import data.countersign.task
import data.countersign.tool
import data.countersign.wellformed

# METADATA
# title: Decide one request
# description: "{allow, reasons: [{code, message, rule}], obligations: [{id, type, properties}], labels, ttl (seconds)}"
# entrypoint: true
decision := {
	"allow": false,
	"reasons": sort(deny),
	"obligations": sort(fences),
	"labels": [],
	"ttl": data.facts.ttl.deny,
} if {
	count(deny) > 0
} else := {
	"allow": true,
	"reasons": sort(allow),
	"obligations": sort(obligations),
	"labels": sort(labels),
	"ttl": lifetime,
} if {
	count(deny) == 0 # said again: were `ttl.deny` lost, the deny above would be undefined and `else` be taken
	count(allow) > 0
} else := {
	"allow": false,
	"reasons": [no_grant],
	"obligations": [],
	"labels": [],
	"ttl": data.facts.ttl.deny,
}

lifetime := data.facts.ttl.allow if not resource_facts.gives_documents

# Of documents that came back no two answers are alike: they aren't worth keeping.
lifetime := 0 if resource_facts.gives_documents

# METADATA
# title: no rule allows this
# description: What nobody thought of is denied.
# custom:
#   id: decision.default
#   code: default_deny
#   owner: ai-platform
#   severity: low
#   frameworks: ["ASI03", "NHI5", "NIST-CSF:PR.AA"]
no_grant := reason.from(rego.metadata.rule())

deny contains refusal if some refusal in wellformed.deny

deny contains refusal if some refusal in environment.deny

deny contains refusal if some refusal in residency.deny

deny contains refusal if some refusal in content.deny

deny contains refusal if some refusal in network.deny

deny contains refusal if some refusal in device.deny

deny contains refusal if some refusal in flow.deny

deny contains refusal if some refusal in task.deny

deny contains refusal if some refusal in hours.deny

deny contains refusal if some refusal in contractor.deny

deny contains refusal if {
	input.resource.type == "model"
	some refusal in model.deny
}

deny contains refusal if {
	input.resource.type == "collection"
	some refusal in retrieval.deny
}

deny contains refusal if {
	resource_facts.gives_documents
	some refusal in document.deny
}

deny contains refusal if {
	brings_documents
	some refusal in ingest.deny
}

deny contains refusal if {
	input.resource.type == "store"
	some refusal in store.deny
}

deny contains refusal if {
	input.resource.type == "storage"
	some refusal in storage.deny
}

deny contains refusal if {
	input.resource.type == "tool"
	some refusal in tool.deny
}

deny contains refusal if {
	input.resource.type == "tool"
	some refusal in canary.deny
}

deny contains refusal if {
	input.resource.type == "tool"
	some refusal in risk.deny
}

deny contains refusal if {
	input.resource.type == "tool"
	some refusal in definition.deny
}

deny contains refusal if {
	input.action.name in {"tool.call", "prompt.get"}
	input.resource.type in {"tool", "prompt"}
	not toolserver.is_response
	some refusal in argument.deny
}

# What is typed for an argument goes to the server before the prompt is asked for.
deny contains refusal if {
	input.action.name in {"prompt.list", "resource.list"}
	input.resource.type in {"prompt", "resource_template"}
	is_typed
	some refusal in argument.deny
}

deny contains refusal if {
	is_result
	some refusal in result.deny
}

deny contains refusal if {
	input.resource.type in {"server", "tool", "prompt", "resource", "resource_template"}
	some refusal in server.deny
}

deny contains refusal if {
	input.resource.type in {"tool", "prompt", "resource", "resource_template", "agent"}
	some refusal in purpose.deny
}

deny contains refusal if {
	input.resource.type == "server"
	some refusal in client.deny
}

deny contains refusal if {
	input.resource.type == "prompt"
	some refusal in prompt.deny
}

deny contains refusal if {
	input.resource.type in {"resource", "resource_template"}
	some refusal in resource.deny
}

deny contains refusal if {
	input.resource.type == "agent"
	some refusal in agent.deny
}

deny contains refusal if {
	input.resource.type == "host"
	some refusal in host.deny
}

deny contains refusal if {
	input.resource.type == "function"
	some refusal in function.deny
}

deny contains refusal if {
	input.resource.type == "route"
	some refusal in route.deny
}

deny contains refusal if {
	input.resource.type == "chain"
	some refusal in chain.deny
}

allow contains grant if {
	input.resource.type == "route"
	some grant in route.allow
}

allow contains grant if {
	input.resource.type == "chain"
	some grant in chain.allow
}

allow contains grant if {
	input.resource.type == "model"
	some grant in model.allow
}

allow contains grant if {
	input.resource.type == "collection"
	some grant in retrieval.allow
}

allow contains grant if {
	input.resource.type == "store"
	some grant in store.allow
}

allow contains grant if {
	input.resource.type == "storage"
	some grant in storage.allow
}

allow contains grant if {
	input.resource.type == "tool"
	some grant in tool.allow
}

allow contains grant if {
	input.resource.type == "function"
	some grant in function.allow
}

allow contains reason if {
	input.resource.type == "server"
	some reason in server.allow
}

allow contains reason if {
	input.resource.type == "server"
	some reason in client.allow
}

allow contains grant if {
	input.resource.type == "tool"
	some grant in definition.allow
}

allow contains grant if {
	input.resource.type == "prompt"
	some grant in prompt.allow
}

allow contains grant if {
	input.resource.type in {"resource", "resource_template"}
	some grant in resource.allow
}

allow contains grant if {
	input.resource.type == "agent"
	some grant in agent.allow
}

allow contains grant if {
	input.resource.type == "host"
	some grant in host.allow
}

allow contains grant if {
	input.resource.type == "task"
	some grant in task.allow
}

# The only duties of a denial.
fences contains obligation if {
	input.resource.type == "tool"
	some obligation in canary.obligations
}

obligations contains obligation if some obligation in contractor.obligations

obligations contains obligation if some obligation in limit.obligations

obligations contains obligation if some obligation in flow.obligations

obligations contains obligation if {
	input.resource.type in {"collection", "storage"}
	some obligation in retrieval.obligations
}

obligations contains obligation if {
	brings_documents
	some obligation in ingest.obligations
}

obligations contains obligation if {
	resource_facts.gives_documents
	some obligation in document.obligations
}

obligations contains obligation if {
	is_result
	some obligation in result.obligations
}

labels contains label if some label in flow.labels

labels contains label if {
	is_result
	some label in result.labels
}

labels contains label if {
	input.resource.type == "tool"
	some label in tool.labels
}

labels contains label if {
	input.resource.type == "collection"
	some label in retrieval.labels
}

labels contains label if {
	resource_facts.gives_documents
	some label in document.labels
}

brings_documents if {
	input.resource.type == "collection"
	input.action.name in {"retrieval.write", "retrieval.update"}
	resource_facts.is_request
}

# Files that are put into one of OpenAI's stores, with what they are described by.
brings_documents if {
	input.resource.type == "storage"
	type_name(input.resource.properties.documents)
	resource_facts.is_request
}

# Lists have neither.
is_typed if type_name(input.resource.properties.argument)

is_typed if type_name(input.resource.properties.facts)

# What a tool server gave.
is_result if {
	input.resource.type in {"tool", "resource", "prompt"}
	toolserver.is_response
}
