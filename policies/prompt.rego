# METADATA
# title: Prompts of tool servers
# description: |
#   Opens prompts by name. A prompt is text that a server puts before the model, so that each is listed, and so are its
#   arguments. What is listed can be had, and the other way round.
package countersign.prompt

import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.toolserver

# METADATA
# title: this prompt is not known here
# description: Each prompt has an entry in the facts, named by server and prompt.
# custom:
#   id: prompt.known
#   code: prompt_unknown
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI01", "ASI04", "LLM01", "MCP06", "NIST-CSF:ID.AM"]
deny contains reason.from(rego.metadata.rule()) if not prompt

# METADATA
# title: the prompt's arguments are not those that are listed
# description: Only the arguments in the facts may be given, each as text.
# custom:
#   id: prompt.arguments
#   code: prompt_arguments_not_allowed
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI01", "LLM01", "MCP05", "NIST-CSF:PR.PS"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name == "prompt.get"
	not toolserver.is_response
	prompt
	not arguments_fit
}

# METADATA
# title: your groups may use this prompt
# description: Seeing it, getting it, and completing what is typed for its arguments.
# custom:
#   id: prompt.use
#   code: prompt_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"prompt.list", "prompt.get"}
	caller.in_any(prompt.groups)
}

prompt := data.facts.prompts[input.resource.id]

arguments_fit if {
	is_object(input.resource.properties.arguments)
	every name, value in input.resource.properties.arguments {
		is_string(value)
		name in prompt.arguments
	}
}
