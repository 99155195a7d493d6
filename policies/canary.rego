# METADATA
# title: Canaries
# description: |
#   A tool that nobody needs, and that only what has been misled calls: it is listed as others are, and whoever calls it is
#   fenced, with all that it has under way.
package countersign.canary

import data.countersign.lib.reason
import data.countersign.lib.toolserver

# METADATA
# title: this tool is a trap
# description: For tools whose entry says `canary`. Nothing is sent.
# custom:
#   id: canary.touched
#   code: canary_touched
#   owner: security
#   severity: critical
#   frameworks: ["ASI01", "ASI02", "ASI10", "NIST-CSF:DE.CM"]
deny contains reason.from(rego.metadata.rule()) if touched

# METADATA
# title: whoever touches a trap is cut off
# description: |
#   For as long as the facts say (`canary.seconds`), by what they say (`canary.kinds`). Of a denial, the only duty.
# custom:
#   id: canary.fence
#   owner: security
#   severity: critical
#   frameworks: ["ASI10", "NIST-CSF:RS.MI"]
obligations contains {
	"id": rego.metadata.rule().custom.id,
	"type": "fence",
	"properties": object.union(data.facts.canary, {"reason": "a canary was touched"}),
} if {
	touched
}

touched if {
	input.action.name == "tool.call"
	toolserver.tool.canary != false # a mark of the wrong type is still a mark
}
