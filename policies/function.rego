# METADATA
# title: What a model wants to call
# description: |
#   A model's answer may ask its client to call a function. The client carries it out itself, so that the answer is the
#   last place where it can be refused. A call that reaches a tool server through the gateway is decided there again.
package countersign.function

import data.countersign.lib.reason

# METADATA
# title: the model wants to call what it was not offered
# description: Who makes a model call anything but the functions of the request has taken it over.
# custom:
#   id: function.offered
#   code: function_not_offered
#   owner: security
#   severity: high
#   frameworks: ["ASI01", "ASI02", "LLM06", "NIST-CSF:DE.CM"]
deny contains reason.from(rego.metadata.rule()) if not offered

# METADATA
# title: this function may not be called by a model
# description: The facts list functions that destroy what can't be brought back.
# custom:
#   id: function.forbidden
#   code: function_forbidden
#   owner: security
#   severity: high
#   frameworks: ["ASI02", "LLM06", "NIST-CSF:PR.PS"]
deny contains reason.from(rego.metadata.rule()) if input.resource.id in data.facts.functions.forbidden

# METADATA
# title: the request offered this function
# description: What the client offers it is ready to carry out.
# custom:
#   id: function.call
#   code: function_offered
#   owner: ai-platform
#   severity: low
#   frameworks: ["ASI02", "NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name == "tool.call"
	input.action.properties.phase == "response"
	offered
}

offered if input.resource.properties.offered == true
