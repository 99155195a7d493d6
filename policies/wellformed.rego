# METADATA
# title: Well-formed input
# description: |
#   Refuses input that lacks what every rule relies on, so that the other files may read these fields without asking
#   whether they are there.
package countersign.wellformed

import data.countersign.lib.caller
import data.countersign.lib.reason

# METADATA
# title: the caller is not described as policy needs it
# description: A tenant and groups must be given, the groups as an array of strings.
# custom:
#   id: input.subject
#   code: invalid_subject
#   owner: ai-platform
#   severity: high
#   frameworks: ["ASI03", "NHI4", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if not subject

# METADATA
# title: the request does not say what is to be done with what
# description: An action's name and a resource's type and id must be given.
# custom:
#   id: input.request
#   code: invalid_call
#   owner: ai-platform
#   severity: high
#   frameworks: ["ASI02", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if not request

# METADATA
# title: the caller's tenant is not known here
# description: Tenants are listed in the facts with the regions that their data may be in.
# custom:
#   id: subject.tenant
#   code: tenant_unknown
#   owner: ai-platform
#   severity: high
#   frameworks: ["ASI03", "NHI1", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if not tenant_known

subject if {
	is_string(input.subject.properties.tenant)
	is_array(input.subject.properties.groups)
	every group in input.subject.properties.groups { is_string(group) }
}

request if {
	is_string(input.action.name)
	is_string(input.resource.type)
	is_string(input.resource.id)
}

tenant_known if data.facts.tenants[caller.tenant]
