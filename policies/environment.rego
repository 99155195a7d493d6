# METADATA
# title: Environments
# description: Keeps experiments and production apart, by team.
package countersign.environment

import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.resource

# METADATA
# title: your groups may not use this environment
# description: Models and collections belong to an environment, which is open to the groups listed in the facts.
# custom:
#   id: environment.team
#   code: environment_not_granted
#   owner: ai-platform
#   severity: medium
#   frameworks: ["NHI8", "ASI03", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	resource.is_placed
	not granted
}

granted if caller.in_any(data.facts.environments[input.resource.properties.environment].groups)
