/** The day's policies: a company's tools and models, by person and by group. */

const common = `
tool := data.resources[input.resource.id]

default allow := false

allow if {
	count(stopped) == 0
	some group in input.subject.properties.groups
	group in tool.groups
}

stopped contains "risk" if {
	tool.risk > data.settings.most_risk[input.subject.properties.assurance]
}

stopped contains "region" if not input.resource.properties.region in data.settings.regions

stopped contains "hours" if {
	input.resource.type == "tool"
	tool.risk > 2
	not working
}

working if {
	input.context.time.hour >= data.settings.hours.from
	input.context.time.hour < data.settings.hours.to
}

stopped contains "unknown" if not tool

reasons contains {"code": code} if some code in stopped

decision := {"allow": allow, "reasons": [reason | some reason in reasons]}
`;

/** Who may what is told by groups and by the resource: colleagues share decisions. */
export const byGroup = `# METADATA
# entrypoint: true
package day
${common}`;

/** Besides, the person's own record is looked up. */
export const bySubject = `# METADATA
# entrypoint: true
package day

user := data.people[input.subject.id]

stopped contains "leaver" if not user

stopped contains "suspended" if user.status != "active"

stopped contains "grade" if tool.grade > user.grade
${common}`;

/**
 * The same decisions as by group, as an author writes them who was told by `cache explain` what keeps questions apart: the hour
 * is looked up in a list, and of whom it is asked the department and the projects count, not teams, which no resource names.
 */
export const byNarrow = `# METADATA
# entrypoint: true
package day
${common
  .replace(
    `	some group in input.subject.properties.groups
	group in tool.groups
}`,
    `	granted
}

granted if "staff" in tool.groups

granted if input.subject.properties.department in tool.groups

granted if {
	some project in input.subject.properties.projects
	project in tool.groups
}`,
  )
  .replace(
    `	input.context.time.hour >= data.settings.hours.from
	input.context.time.hour < data.settings.hours.to
`,
    `	data.settings.open[input.context.time.hour]
`,
  )}`;

export const entrypoint = "day/decision";
