# METADATA
# title: Working hours
# description: |
#   Confines what should be watched by people to when people are there. Hour and weekday are facts of the input in the
#   sidecar's time zone, never read from the clock here: decisions stay repeatable, and cacheable within the hour.
package countersign.hours

import data.countersign.lib.caller
import data.countersign.lib.reason
import data.countersign.lib.resource

# METADATA
# title: restricted models may be used during working hours only
# description: Whoever asks, with or without a person in the loop.
# custom:
#   id: hours.restricted
#   code: outside_working_hours
#   owner: security
#   severity: medium
#   frameworks: ["ASI09", "ASI10", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	resource.tier == "restricted"
	not working
}

# METADATA
# title: contractors may work during working hours only
# description: Applies to all that a contractor asks for.
# custom:
#   id: hours.contractor
#   code: outside_working_hours
#   owner: security
#   severity: medium
#   frameworks: ["ASI03", "NHI3", "NIST-CSF:PR.AA"]
deny contains reason.from(rego.metadata.rule()) if {
	caller.is_contractor
	not working
}

# Monday to Friday, from 6:00 until 20:00 (the last hour is 19).
working if {
	is_number(input.context.time.hour)
	input.context.time.hour >= data.facts.hours.from
	input.context.time.hour < data.facts.hours.until
	input.context.time.weekday in data.facts.hours.weekdays
}
