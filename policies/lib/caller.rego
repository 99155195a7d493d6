# METADATA
# title: The caller
# description: Who asks, in the words of the facts.
package countersign.lib.caller

tenant := input.subject.properties.tenant

# Groups that count: an issuer may put any name into a token, but a group gives rights in its own tenants only.
groups contains group if {
	some group in input.subject.properties.groups
	tenant in data.facts.groups[group].tenants
}

in_any(names) if {
	some name in names
	name in groups
}

# Limits follow from what is claimed, rights from what counts.
is_contractor if "contractors" in input.subject.properties.groups
