# METADATA
# title: Chains
# description: |
#   Opens chains (LangServe) to groups. What a request may configure of a chain is listed, for configuration can make
#   another chain of it. Each input of a batch is decided.
package countersign.chain

import data.countersign.lib.caller
import data.countersign.lib.reason

# METADATA
# title: this chain is not known here
# description: Each chain has an entry in the facts, by its route and path.
# custom:
#   id: chain.known
#   code: chain_unknown
#   owner: ai-platform
#   severity: medium
#   frameworks: ["ASI04", "NIST-CSF:ID.AM"]
deny contains reason.from(rego.metadata.rule()) if not chain

# METADATA
# title: the request configures what is not listed for this chain
# description: Names under `config.configurable`, and arguments beside the input, must be in the facts.
# custom:
#   id: chain.configuration
#   code: configuration_not_listed
#   owner: security
#   severity: high
#   frameworks: ["ASI02", "LLM06", "NIST-CSF:PR.PS"]
deny contains reason.from(rego.metadata.rule()) if {
	input.action.name == "chain.invoke"
	chain
	not configuration_listed
}

# METADATA
# title: your groups may use this chain
# description: Calling it, and asking what it takes and gives.
# custom:
#   id: chain.use
#   code: chain_granted
#   owner: ai-platform
#   severity: low
#   frameworks: ["NIST-CSF:PR.AA"]
allow contains reason.from(rego.metadata.rule()) if {
	input.action.name in {"chain.invoke", "chain.describe"}
	caller.in_any(chain.groups)
}

chain := data.facts.chains[input.resource.id]

configuration_listed if {
	config := object.get(input.action.properties, "config", {})
	configurable := object.get(config, "configurable", {})
	is_object(configurable)
	every name, _ in configurable { name in object.get(chain, "configurable", []) }
	kwargs := object.get(input.action.properties, "kwargs", {})
	is_object(kwargs)
	every name, _ in kwargs { name in object.get(chain, "kwargs", []) }
}
