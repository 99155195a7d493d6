# METADATA
# title: Windows of time
# description: |
#   From and until when something holds, as facts state it (RFC 3339). Decisions are kept within the hour, so a window must
#   be open for the whole hour that it is: it opens up to an hour late and closes up to an hour early, never the other way.
package countersign.lib.window

# What doesn't state both, or not as times, is never open.
is_open(window) if {
	time.parse_rfc3339_ns(window.from) <= input.context.time.hour_from * second
	time.parse_rfc3339_ns(window.until) >= input.context.time.hour_until * second
}

second := 1000000000
