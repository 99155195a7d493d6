# METADATA
# title: What tools, resources and prompts give
# description: |
#   Judges results before a model sees them, by the facts that the gateway finds in them (`resource.properties.result`). What is
#   done with secrets and with text that reads like an instruction is said in the facts for all, or in a tool's entry.
package countersign.result

import data.countersign.lib.reason
import data.countersign.lib.toolserver

# METADATA
# title: the result could not be judged as a whole
# description: It was too large, took too long, or has members that are unknown.
# custom:
#   id: result.unread
#   code: result_not_searched
#   owner: security
#   severity: medium
#   frameworks: ["ASI01", "LLM02", "MCP06", "NIST-CSF:DE.CM"]
deny contains reason.from(rego.metadata.rule()) if not read_whole

# METADATA
# title: the result holds credentials
# description: |
#   Where `secrets` is neither `mask` nor `label`; masked, the rest of the result is given; labelled, all of it, and the task is
#   marked as one that has seen credentials.
# custom:
#   id: result.secrets
#   code: secrets_in_result
#   owner: security
#   severity: high
#   frameworks: ["LLM02", "MCP01", "NHI2", "NIST-CSF:PR.DS"]
deny contains reason.from(rego.metadata.rule()) if {
	not free_of_secrets
	not masked
	not shown
}

# METADATA
# title: the result leads to a private or unclear address
# description: |
#   Links and embedded resources must lead to public hosts, or be of the schemes that the facts list as the server's own: those
#   are read through the gateway again.
# custom:
#   id: result.links
#   code: private_link_in_result
#   owner: security
#   severity: high
#   frameworks: ["ASI01", "MCP06", "MAESTRO:L4", "NIST-CSF:PR.IR"]
deny contains reason.from(rego.metadata.rule()) if not leads_outside

# METADATA
# title: the result reads like an instruction
# description: Where `injection` is neither `label` nor `allow`; labelled, the task is marked as one that has read such text.
# custom:
#   id: result.injection
#   code: instruction_in_result
#   owner: security
#   severity: high
#   frameworks: ["ASI01", "LLM01", "MCP06", "NIST-CSF:DE.CM"]
deny contains reason.from(rego.metadata.rule()) if {
	not free_of_instructions
	not borne
}

# METADATA
# title: credentials in results are masked
# description: For results in which some were found.
# custom:
#   id: result.mask
#   owner: security
#   severity: high
#   frameworks: ["LLM02", "MCP01", "NHI2", "NIST-CSF:PR.DS"]
obligations contains {
	"id": rego.metadata.rule().custom.id,
	"type": "mask",
	"properties": {"phase": "response", "patterns": ["secrets"]},
} if {
	not free_of_secrets
	not shown
}

# METADATA
# title: long results are cut
# description: For results of more bytes than `max_bytes`.
# custom:
#   id: result.limit
#   owner: ai-platform
#   severity: low
#   frameworks: ["ASI08", "LLM10", "NIST-CSF:PR.IR"]
obligations contains {
	"id": rego.metadata.rule().custom.id,
	"type": "limit_result",
	"properties": {"max_bytes": handled.max_bytes, "otherwise": "cut"},
} if {
	not small_enough
}

labels contains "untrusted-instructions" if not free_of_instructions

labels contains "secrets" if {
	not free_of_secrets
	not masked
}

read_whole if {
	input.resource.properties.result.scanned == true
	is_number(input.resource.properties.result.bytes)
	is_number(handled.max_bytes)
	not has_unknown
}

has_unknown if type_name(input.resource.properties.result.unknown_members)

free_of_secrets if input.resource.properties.result.secrets == {}

free_of_instructions if input.resource.properties.result.injection == {}

masked if handled.secrets == "mask"

shown if handled.secrets == "label"

borne if handled.injection in {"label", "allow"}

small_enough if input.resource.properties.result.bytes <= handled.max_bytes

leads_outside if {
	leads_well(input.resource.properties.result.links)
	leads_well(input.resource.properties.result.resources)
}

leads_well(found) if {
	found.private == false
	found.odd == false
	found.traversal == false
}

leads_well(found) if {
	found.traversal == false
	is_array(found.schemes)
	count(found.schemes) > 0
	every scheme in found.schemes { scheme in toolserver.facts.schemes }
}

# A tool's own word goes before that for all.
handled := object.union(data.facts.results, object.get(toolserver.tool, "results", {})) if toolserver.tool

handled := data.facts.results if not toolserver.tool
