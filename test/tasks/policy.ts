/** What the fleet of these tests decides by: the model's name says what its rule does. */
export const policy = `package countersign

import rego.v1

# METADATA
# entrypoint: true
decision := {"allow": count(denials) == 0, "reasons": denials, "obligations": duties, "labels": labels, "ttl": 60}

labels contains label if {
	input.action.properties.phase != "response"
	some label in ["private", "untrusted-web"]
	startswith(input.resource.id, concat("", ["reads-", label]))
}

denials contains {"code": "flow", "message": "no way out", "rule": "test.flow", "labels": ["private", "untrusted-web"]} if {
	input.resource.id == "sends"
	some label in input.context.task.labels
	label == "private"
}

denials contains {"code": "token_wanted", "message": "a token is wanted", "rule": "test.token"} if {
	input.resource.id == "proven"
	not input.context.task.proven
}

duties contains {"id": "one", "type": "limit", "properties": {"name": "few", "unit": "requests", "amount": 20, "window": "1h", "per": ["user"]}} if {
	input.resource.id == "few"
}

duties contains {"id": "tokens", "type": "limit", "properties": {"name": "some-tokens", "unit": "output_tokens", "amount": 60, "window": "1h", "per": ["user"]}} if {
	startswith(input.resource.id, "metered")
}

duties contains {"id": "live", "type": "limit", "properties": {"name": "at-once", "unit": "concurrent", "amount": 1, "window": "concurrent", "per": ["user"]}} if {
	input.resource.id == "alone"
}

# of more, for tests that count over faults in between
duties contains {"id": "twenty", "type": "limit", "properties": {"name": "twenty", "unit": "requests", "amount": 20, "window": "300d", "per": ["user"]}} if {
	input.resource.id == "twenty"
}

duties contains {"id": "five", "type": "limit", "properties": {"name": "five-at-once", "unit": "concurrent", "amount": 5, "window": "concurrent", "per": ["user"]}} if {
	input.resource.id == "five-at-once"
}

denials contains {"code": "scope_wanted", "message": "a scope is wanted", "rule": "test.scope"} if {
	input.resource.id == "writes"
	input.context.task.scopes
	not "docs.write" in input.context.task.scopes
}

# whose requests need a token, whichever door they come through
denials contains {"code": "token_wanted", "message": "a token is wanted", "rule": "test.doors"} if {
	input.subject.id == "bound"
	input.action.name != "task.create"
	not input.context.task.proven
}

# a person's review
duties contains {"id": "clean", "type": "remove_labels", "properties": {"labels": ["private"]}} if {
	input.resource.id == "review"
	input.action.properties.phase == "response"
}

denials contains {"code": "unseen", "message": "nobody may see it", "rule": "test.unseen"} if {
	endswith(input.resource.id, "delete_file")
	input.action.properties.phase == "response"
}
`;
