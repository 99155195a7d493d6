# METADATA
# title: Information flow
# description: |
#   What a task has read decides where it may send to. Tools, documents, results and answers label it (`labels` of decisions);
#   these rules read the labels before anything leads outside, or into what another tenant reads. A task is known by
#   more than its token: dropping that sheds no label.
package countersign.flow

import data.countersign.lib.caller
import data.countersign.lib.host
import data.countersign.lib.reason
import data.countersign.lib.resource
import data.countersign.lib.task
import data.countersign.lib.toolserver

# METADATA
# title: what this task has read is not known, and this leads outside
# description: |
#   Labels that are missing, or no list of names, are no absence of labels. Within the house they may be missing, but not be
#   anything else.
# custom:
#   id: flow.known
#   code: task_labels_unknown
#   owner: security
#   severity: high
#   frameworks: ["ASI01", "ASI02", "LLM02", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if unclear

# METADATA
# title: the task has read what strangers wrote and what is private, and this leads outside
# description: |
#   Each of the three is harmless without the others; together they are how an injected instruction carries data away. Sending
#   to recipients that the task's scopes name isn't outside.
# custom:
#   id: flow.trifecta
#   code: private_data_after_untrusted_content
#   owner: security
#   severity: critical
#   frameworks: ["ASI01", "ASI02", "LLM01", "LLM02", "LLM06", "MAESTRO:L3", "NIST-CSF:PR.DS"]
deny contains reason.resting_on(rego.metadata.rule(), untrusted | private) if {
	count(untrusted) > 0
	count(private) > 0
	leads_outside
	not to_named
}

# METADATA
# title: the task has read what is private, and this could carry it outside
# description: |
#   Also where no stranger's words are known to have been read: an order may stand in a document of the house. Free are recipients
#   that the task's scopes name, or whose domains are the tenant's own (`domains`), whatever entry the facts call `entrusted`, and
#   one address of a page that has no room for data (`flow.room` characters behind a listed host): what it gives is labelled, and
#   nothing leads outside after it.
# custom:
#   id: flow.private
#   code: private_data_leads_outside
#   owner: security
#   severity: high
#   frameworks: ["ASI01", "ASI02", "LLM01", "LLM02", "LLM06", "NIST-CSF:PR.DS"]
deny contains reason.resting_on(rego.metadata.rule(), private) if {
	count(private) > 0
	count(untrusted) == 0
	leads_outside
	not may_learn
}

# METADATA
# title: after reading what strangers wrote, the task may write only to those whom its user named
# description: |
#   Whom the user named is in the task's scopes: `recipient:bob@acme.example`, or all of a domain, `recipient:*@acme.example`.
#   A task without such scopes names nobody.
# custom:
#   id: flow.recipients
#   code: recipient_not_named
#   owner: security
#   severity: high
#   frameworks: ["ASI01", "ASI02", "LLM01", "LLM06", "NIST-CSF:PR.DS"]
deny contains reason.resting_on(rego.metadata.rule(), untrusted) if {
	count(untrusted) > 0
	sends
	writes_to_people
	not to_named
}

# METADATA
# title: the task has seen credentials, and this leads outside
# description: |
#   No tool that acts outside, no agent, host or route outside, and no model, chain or account of storage outside the regions
#   that the tenant trusts with credentials; whoever is written to.
# custom:
#   id: flow.secrets
#   code: secrets_seen
#   owner: security
#   severity: critical
#   frameworks: ["ASI01", "ASI03", "LLM02", "NHI2", "MAESTRO:L2", "NIST-CSF:PR.DS"]
deny contains reason.resting_on(rego.metadata.rule(), secrets) if {
	count(secrets) > 0
	leaves_secret_regions
}

# METADATA
# title: the task has read another tenant's data, and this is for others to read
# description: |
#   What is written is read by those whose it is: of a collection its tenant, of a tool its entry's `tenant`, or all that its
#   server's entry lists.
# custom:
#   id: flow.tenants
#   code: data_of_another_tenant
#   owner: data-governance
#   severity: critical
#   frameworks: ["ASI01", "ASI03", "LLM02", "LLM08", "MAESTRO:L2", "NIST-CSF:PR.DS"]
deny contains reason.resting_on(rego.metadata.rule(), foreign) if {
	count(foreign) > 0
	sends
}

# METADATA
# title: a tool for it has looked at what the task read
# description: |
#   The facts list what a tool takes off (`removes`) once it gave a result that is no error: of a person's review, or of a
#   tool that cleans. Nothing else takes off a label, and each time is recorded.
# custom:
#   id: flow.remove
#   owner: security
#   severity: high
#   frameworks: ["ASI01", "ASI09", "NIST-CSF:PR.DS"]
obligations contains {
	"id": rego.metadata.rule().custom.id,
	"type": "remove_labels",
	"properties": {"labels": sort(removed)},
} if {
	input.action.name == "tool.call"
	input.resource.type == "tool"
	toolserver.is_response
	input.resource.properties.result.is_error == false
	count(removed) > 0
}

# What the facts say that a tool, all of a server, an agent, a route or a host gives.
labels contains label if {
	input.action.name == "tool.call"
	some label in toolserver.tool.labels
}

labels contains label if {
	input.action.name in {"tool.call", "resource.read", "prompt.get"}
	some label in toolserver.facts.labels
}

labels contains label if {
	input.action.name == "agent.message"
	some label in agent.labels
}

labels contains label if {
	input.action.name in {"http.request", "websocket.open"}
	some label in route.labels
}

labels contains label if {
	input.action.name == "network.connect"
	some name in host.listed_as(input.resource.properties.host)
	some label in data.facts.hosts[name].labels
}

# Where a tool reads by a path, what lies there.
labels contains label if {
	input.action.name == "tool.call"
	some folder, names in toolserver.tool.labels_under
	some path in paths
	startswith(path, folder)
	some label in names
}

labels contains label if {
	input.action.name == "http.request"
	input.action.properties.method in {"GET", "HEAD"}
	some label in route.labels_of_reading
}

# As they are given, and as the gateway reads them, in commands, too.
paths contains input.resource.properties.arguments.path

paths contains path.path if some path in input.resource.properties.facts.paths

# What detectors found in what a model or an agent is asked, and answers.
labels contains "secrets" if count(input.context.content.secrets) > 0

labels contains "untrusted-instructions" if count(input.context.content.injection) > 0

labels contains "personal-data" if {
	some kind in data.facts.flow.personal
	input.context.content.pii[kind] > 0
}

labels contains "personal-data" if {
	toolserver.is_response
	some kind in data.facts.flow.personal
	input.resource.properties.result.pii[kind] > 0
}

untrusted contains label if {
	some label in task.labels
	task.named_in(label, data.facts.flow.untrusted)
}

private contains label if {
	some label in task.labels
	task.named_in(label, data.facts.flow.private)
}

secrets contains label if {
	some label in task.labels
	task.named_in(label, data.facts.flow.secrets)
}

# `confidential:acme` is acme's.
foreign contains label if {
	some label in task.labels
	some beginning in data.facts.flow.of_tenant
	startswith(label, beginning)
	some reader in readers
	trim_prefix(label, beginning) != reader
}

removed contains label if {
	some label in task.labels
	task.named_in(label, toolserver.tool.removes)
}

unclear if {
	not task.labels_known
	task.labels_stated
}

# Most often known, so asked first.
unclear if {
	not known
	leads_outside
}

unclear if {
	not known
	sends
	writes_to_people
}

# Without the facts no label would mean anything.
known if {
	task.labels_known
	is_array(data.facts.flow.untrusted)
	is_array(data.facts.flow.private)
	is_array(data.facts.flow.secrets)
	is_array(data.facts.flow.of_tenant)
}

# What is given back goes nowhere. INVARIANT: any other phase is judged as a request.
sends if {
	not resource.is_response
	not is_quiet
}

is_quiet if input.action.name in quiet

# Names and ids at most, of what there is already.
quiet := {
	"model.list", "model.show", "tool.list", "tool.approve", "resource.list", "prompt.list", "collection.list",
	"collection.describe", "store.describe", "agent.describe", "agent.task.get", "agent.task.list", "agent.task.cancel",
	"agent.task.subscribe", "chain.describe", "task.create", "task.read", "task.end",
}

leads_outside if {
	sends
	outside
}

outside if acts_outside

outside if {
	input.resource.type in {"server", "tool", "prompt", "resource", "resource_template"}
	toolserver.facts.outward != false # a mark of the wrong type is still a mark
}

# Unless the facts say that it is the house's own.
outside if {
	input.resource.type == "agent"
	not own_agent
}

outside if {
	input.resource.type == "route"
	not own_route
}

outside if {
	input.resource.type == "host"
	not own_host
}

outside if {
	resource.is_placed
	not in_region
}

acts_outside if {
	input.resource.type == "tool"
	toolserver.tool.effect == "external"
}

# As the gateway maps it.
acts_outside if {
	input.resource.type == "tool"
	input.resource.properties.effect == "external"
}

acts_outside if {
	input.resource.type == "tool"
	toolserver.tool.outward != false
}

# Tools that a model's provider runs: it searches for what it likes, and opens what it finds.
acts_outside if {
	input.resource.type == "model"
	some name in input.action.properties.parameters.tools
	name in data.facts.flow.hosted
}

# Whoever listens there learns what stands in the address.
acts_outside if {
	input.resource.type == "model"
	some name in input.action.properties.fetches
	not name in data.facts.flow.fetched
}

in_region if input.resource.properties.region in data.facts.tenants[caller.tenant].regions

leaves_secret_regions if leads_outside

leaves_secret_regions if {
	sends
	input.resource.type in {"model", "chain", "storage"}
	not in_secret_region
}

in_secret_region if {
	tenant := data.facts.tenants[caller.tenant]
	input.resource.properties.region in object.get(tenant, "secret_regions", tenant.regions)
}

own_agent if agent.outward == false

own_route if route.outward == false

# All that it is listed as must say so.
own_host if {
	listed := [entry |
		some name in host.listed_as(input.resource.properties.host)
		entry := data.facts.hosts[name]
	]
	count(listed) > 0
	every entry in listed { entry.outward == false }
}

agent := data.facts.agents[input.resource.id] if input.resource.type == "agent"

route := data.facts.routes[input.resource.id] if input.resource.type == "route"

writes_to_people if {
	input.resource.type == "tool"
	toolserver.tool.recipients
}

writes_to_people if {
	input.resource.type == "tool"
	type_name(input.resource.properties.facts.recipients)
}

# All of them, each by its full address.
to_named if {
	input.resource.type == "tool"
	input.resource.properties.facts.recipients.complete == true
	count(input.resource.properties.facts.recipients.addresses) > 0
	every address in input.resource.properties.facts.recipients.addresses { is_named(address) }
}

# INVARIANT: asked only where no stranger's words were read.
may_learn if to_named

may_learn if {
	input.resource.type == "tool"
	input.resource.properties.facts.recipients.complete == true
	count(input.resource.properties.facts.recipients.addresses) > 0
	every address in input.resource.properties.facts.recipients.addresses {
		[_, domain] := split(address, "@")
		domain in data.facts.tenants[caller.tenant].domains
	}
}

may_learn if {
	input.resource.type == "tool"
	toolserver.tool.entrusted == true
}

may_learn if {
	input.resource.type in {"server", "prompt", "resource", "resource_template"}
	toolserver.facts.entrusted == true
}

may_learn if agent.entrusted == true

may_learn if route.entrusted == true

# All that it is listed as must say so.
may_learn if {
	input.resource.type == "host"
	listed := [entry |
		some name in host.listed_as(input.resource.properties.host)
		entry := data.facts.hosts[name]
	]
	count(listed) > 0
	every entry in listed { entry.entrusted == true }
}

# INVARIANT: only of a tool whose result is labelled as strangers': there is no second one.
may_learn if {
	shuts_behind_it
	count(input.resource.properties.arguments) == 1
	some key, address in input.resource.properties.arguments
	toolserver.tool.arguments[key]
	some name in toolserver.tool.hosts
	beginning := concat("", ["https://", name, "/"])
	startswith(address, beginning)
	said := trim_prefix(address, beginning)
	regex.match(`^[A-Za-z0-9/._-]*$`, said)
	is_number(data.facts.flow.room)
	count(said) <= data.facts.flow.room
}

shuts_behind_it if {
	input.resource.type == "tool"
	some label in toolserver.tool.labels
	task.named_in(label, data.facts.flow.untrusted)
}

is_named(address) if concat(":", ["recipient", address]) in recipients

is_named(address) if {
	[_, domain] := split(address, "@")
	concat("@", ["recipient:*", domain]) in recipients
}

recipients contains lower(scope) if some scope in task.scopes

# Who may read what is written.
readers contains resource.collection.tenant if writes_documents

# Shared between tenants: what is written is the writer's.
readers contains caller.tenant if {
	writes_documents
	resource.collection.tenants
}

# Open to everybody.
readers contains "*" if {
	writes_documents
	not resource.collection.tenant
	not resource.collection.tenants
}

# Kept for the tenant of whoever puts it there.
readers contains caller.tenant if {
	input.resource.type == "storage"
	input.action.name in {"file.create", "vector_store.create", "vector_store.update"}
}

readers contains toolserver.tool.tenant if changes_things

readers contains tenant if {
	changes_things
	not toolserver.tool.tenant
	some tenant in toolserver.facts.tenants
}

readers contains agent.tenant

readers contains route.tenant

writes_documents if {
	input.resource.type == "collection"
	input.action.name in {"retrieval.write", "retrieval.update"}
}

changes_things if {
	input.resource.type == "tool"
	not only_reads
}

only_reads if {
	toolserver.tool.effect == "read"
	not acts_outside
}
