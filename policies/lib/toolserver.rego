# METADATA
# title: Tool servers
# description: |
#   The server, and the tool, that a request is about, in the words of the facts. Both are told by the resource's id alone
#   (`server/name`), so that nothing else in the input can say something different.
package countersign.lib.toolserver

name := split(input.resource.id, "/")[0]

facts := data.facts.servers[name]

# What stands for everything of the server where facts list things by their ids.
all_of := concat("/", [name, "*"])

tool := data.facts.tools[input.resource.id]

# A tool without an entry of its own. INVARIANT: never opens what the gateway doesn't call a reading tool; see `risk.rego`.
tool := entry if {
	entry := data.facts.tools[all_of]
	not named
}

named if data.facts.tools[input.resource.id]

# What is decided on is a result, after the call itself was. INVARIANT: any other phase is judged as a call.
is_response if input.action.properties.phase == "response"

# Listed by its id, or with all of its server.
is_in(ids) if input.resource.id in ids

is_in(ids) if all_of in ids
