# METADATA
# title: Hosts
# description: Names of hosts, as they stand in addresses and connections.
package countersign.lib.host

# The host of a URI with an authority, as it is written there; undefined where a user is named.
of(uri) := regex.find_all_string_submatch_n(`^[a-zA-Z][a-zA-Z0-9+.-]*://([^/?#@:]+)(?::[0-9]{1,5})?(?:[/?#]|$)`, uri, 1)[0][1]

# A name with a dot in it that doesn't end in what is private. Numbers in all their forms are addresses, not names; what
# a public name leads to is the gateway's to see to.
is_public(host) if {
	name := lower(host)
	regex.match(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?$`, name)
	every ending in data.facts.hosts_private { not endswith(name, ending) }
}

# The name itself, and `*.` before each of its endings: what facts may list it as.
listed_as(host) := names if {
	parts := split(host, ".")
	count(parts) <= 32
	names := {host} | {concat(".", array.concat(["*"], array.slice(parts, i, count(parts)))) |
		some i in numbers.range(1, count(parts) - 1)
	}
}
