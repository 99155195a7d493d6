/** What is asked at the data door: 60 rules, 540 KB of data, inputs of 1.5 KB that differ in fields that no rule reads. */
import { counter } from "../load.js";

export interface DataCase {
  /** Files of the bundle. */
  readonly files: Readonly<Record<string, string>>;
  readonly path: string;
  readonly entrypoint: string;
  /** Body of a request, in which {@link counter} stands in a field that isn't read. */
  readonly unread: string;
  /** The same, in which it stands in one that is. */
  readonly read: string;
}

const rules = 60;
const dataBytes = 540_000;
const bodyBytes = 1_500;

export const dataCases = ["found", "tried"] as const;
export type DataCaseName = (typeof dataCases)[number];

/** Makes the case: rules that an index finds by type and action, or such that each has to be tried. */
export function dataCase(name: DataCaseName = "found"): DataCase {
  return name === "found" ? found() : { ...found(), files: tried() };
}

/** Sixty reasons to deny, each of which looks at something else of user, resource and context. */
function tried(): Record<string, string> {
  const reasons = Array.from(
    { length: rules },
    (_, i) => `deny contains {"code": "reason-${i}"} if {
	input.context.prompt.messages > ${i % 7}
	not "group-${i % 20}" in user.groups
	input.context.time_ns % ${i + 11} == ${i + 12}
}
`,
  );
  return {
    ".manifest": JSON.stringify({ revision: "bench", roots: ["authz", "users"] }),
    "authz.rego": `package authz

user := data.users[input.subject.id]

${reasons.join("\n")}
default allow := false

allow if {
	user.active
	count(deny) == 0
}

# METADATA
# entrypoint: true
decision := {"allow": allow, "department": user.department}
`,
    "data.json": JSON.stringify({ users: users() }),
  };
}

function found(): DataCase {
  const conditions = Array.from(
    { length: rules },
    (_, i) => `allow if {
	input.resource.type == "type-${i % 12}"
	input.action.name == "action-${i % 10}"
	"group-${i % 20}" in user.groups
	input.context.time_ns > ${i}
}
`,
  );
  return {
    files: {
      ".manifest": JSON.stringify({ revision: "bench", roots: ["authz", "users"] }),
      "authz.rego": `package authz

user := data.users[input.subject.id]

default allow := false

${conditions.join("\n")}
# METADATA
# entrypoint: true
decision := {"allow": allow, "department": user.department}
`,
      "data.json": JSON.stringify({ users: users() }),
    },
    path: "/v1/data/authz/decision",
    entrypoint: "authz/decision",
    unread: bodyOf({ id: counter, argument: "0" }),
    read: bodyOf({ id: "0000000001", argument: counter }),
  };
}

function users(): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (let i = 0, size = 0; size < dataBytes; i++) {
    const user = {
      department: `department-${i % 40}`,
      groups: [`group-${i % 20}`, `group-${(i * 7) % 20}`, "everyone"],
      email: `user-${i}@acme.example`,
      active: i % 10 !== 0,
    };
    out[`user-${i}`] = user;
    size += JSON.stringify(user).length + 14;
  }
  return out;
}

function bodyOf({ id, argument }: { id: string; argument: string }): string {
  const input = (padding: string): string =>
    JSON.stringify({
      input: {
        subject: {
          type: "user",
          id: "user-1234",
          properties: {
            tenant: "acme",
            issuer: "https://issuer.acme.example",
            assurance: "bearer",
            roles: ["engineer", "reviewer"],
            chain: [
              { type: "user", id: "sam@acme.example", issuer: "https://issuer.acme.example" },
              { type: "agent", id: "agent:senior-assistant", issuer: "https://issuer.acme.example" },
            ],
          },
        },
        action: {
          name: "action-4",
          properties: { phase: "request", stream: false, max_tokens: 64, temperature: 0.2 },
        },
        resource: { type: "type-2", id: "gpt-4o-mini", properties: { provider: "openai", region: "eu" } },
        context: {
          request: { id: `request-${id}`, trace: `4bf92f3577b34da6a3ce929d0e0e4736-${id}`, method: "POST" },
          // what the clock gives is read: a second for all that comes in it, unless every request is to be new
          time_ns: argument === "0" ? 1_790_000_000 : `#${argument}#`,
          source: { ip: "10.1.2.3", network: "internal", region: "eu" },
          device: { id: "acme-laptop-17", managed: true, compliant: true },
          prompt: { messages: 2, roles: { system: 1, user: 1 }, bytes: 1_480, note: padding },
        },
      },
    }).replace(/"#(\d+)#"/, "1$1");
  const short = Buffer.byteLength(input(""));
  return input("x".repeat(Math.max(0, bodyBytes - short)));
}
