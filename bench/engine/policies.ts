/** The policies that are measured, each with data and inputs. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { counter } from "../load.js";
import { dataBody } from "../requests.js";

export interface PolicyCase {
  readonly name: string;
  /** Rego by its path in the bundle. */
  readonly files: Readonly<Record<string, string>>;
  readonly entrypoint: string;
  /** Base documents as JSON text. */
  readonly data: string;
  /** JSON texts that are asked in turn. */
  readonly inputs: readonly string[];
}

/** As many inputs are asked in turn. */
const inputCount = 64;
const groupsOfUser = 3;

/** Gives the five policies. */
export function fivePolicies(): readonly PolicyCase[] {
  return [
    tiny(),
    shipped(),
    { ...rulesCase(1_000), name: "1,000 rules" },
    { ...dataCase(5), name: "data-heavy (5 MB)" },
    builtinHeavy(),
  ];
}

function tiny(): PolicyCase {
  return {
    name: "tiny RBAC",
    files: {
      "rbac.rego": `package rbac

# METADATA
# entrypoint: true
default allow := false

allow if {
	some role in data.roles[input.user]
	some grant in data.grants[role]
	grant.action == input.action
	grant.type == input.object.type
}
`,
    },
    entrypoint: "rbac/allow",
    data: JSON.stringify({
      roles: { ann: ["admin"], bob: ["reader", "editor"], eve: ["reader"] },
      grants: {
        admin: ["read", "update", "delete"].flatMap((action) =>
          ["document", "model"].map((type) => ({ action, type })),
        ),
        editor: [{ action: "update", type: "document" }],
        reader: [{ action: "read", type: "document" }],
      },
    }),
    inputs: inputs((i) => ({
      user: ["ann", "bob", "eve", "nobody"][i % 4],
      action: ["read", "update", "delete"][i % 3],
      object: { type: i % 5 === 0 ? "model" : "document", id: `object-${i}` },
    })),
  };
}

function shipped(): PolicyCase {
  const root = fileURLToPath(new URL("../../../policies/", import.meta.url));
  const paths = readdirSync(root, { recursive: true, encoding: "utf8" });
  const rego = paths.filter((path) => path.endsWith(".rego") && !path.endsWith("_test.rego"));
  const body = dataBody("read");
  return {
    name: "the shipped one",
    files: Object.fromEntries(rego.map((path) => [path, readFileSync(join(root, path), "utf8")])),
    entrypoint: "countersign/decision",
    data: readFileSync(join(root, "data.json"), "utf8"),
    inputs: Array.from({ length: inputCount }, (_, i) =>
      JSON.stringify(
        (JSON.parse(body.replace(counter, String(i).padStart(counter.length, "0"))) as { input: unknown })
          .input,
      ),
    ),
  };
}

/** What a rule of {@link rulesCase} asks for. */
function conditions(i: number, count: number): { type: string; action: string; group: string } {
  const perType = Math.min(100, Math.max(2, Math.floor(count / 10)));
  return {
    type: `type-${Math.floor(i / perType)}`,
    action: `action-${i % 10}`,
    group: `group-${Math.floor(i / 10) % 97}`,
  };
}

/** Makes a policy of so many rules over resource type, action and group; nine inputs of ten are allowed by one of them. */
export function rulesCase(count: number): PolicyCase {
  const rules = Array.from({ length: count }, (_, i) => {
    const { type, action, group } = conditions(i, count);
    return `allow if {
	input.resource.type == "${type}"
	input.action.name == "${action}"
	"${group}" in input.subject.groups
}
`;
  });
  return {
    name: `${count.toLocaleString("en-US")} rules`,
    files: {
      "authz.rego": `package authz\n\n# METADATA\n# entrypoint: true\ndefault allow := false\n\n${rules.join("\n")}`,
    },
    entrypoint: "authz/allow",
    data: "{}",
    inputs: inputs((i) => {
      // spread over all rules, so that no evaluator profits from their order
      const { type, action, group } = conditions(Math.floor(((i + 0.5) / inputCount) * count), count);
      return {
        subject: { id: `user-${i}`, groups: ["staff", "everyone", i % 10 === 9 ? "nobody" : group] },
        action: { name: action },
        resource: { type, id: `resource-${i}` },
      };
    }),
  };
}

/** Makes a policy over so many MB (10^6 bytes of JSON) of users: lookups by key, iteration over what they lead to. */
export function dataCase(megabytes: number): PolicyCase {
  const users: string[] = [];
  for (let size = 0; size < megabytes * 1e6; size += users.at(-1)?.length ?? 1) {
    const i = users.length;
    const user = {
      role: ["developer", "operator", "auditor"][i % 3],
      department: `department-${i % 40}`,
      groups: [`group-${i % 100}`, `group-${(i * 7) % 100}`, "everyone"],
      email: `user-${i}@acme.example`,
      active: i % 10 !== 0,
      level: i % 7,
      limits: { tokens: (i * 10) % 100_000, spend: (i % 500) / 10 },
    };
    users.push(`${JSON.stringify(userKey(i))}:${JSON.stringify(user)},`);
  }
  const grants = Object.fromEntries(
    Array.from({ length: 100 }, (_, g) => [
      `group-${g}`,
      Array.from({ length: 10 }, (_, n) => ({
        action: ["read", "update"][n % 2],
        resource: `model-${(g + n) % 40}`,
      })),
    ]),
  );
  return {
    name: `${megabytes} MB`,
    files: {
      "records.rego": `package records

default allow := false

allow if {
	user := data.users[input.user]
	user.active
	some group in user.groups
	some grant in data.grants[group]
	grant.action == input.action
	grant.resource == input.resource
}

# METADATA
# entrypoint: true
decision := {
	"allow": allow,
	"limits": data.users[input.user].limits,
	"colleagues": {id: role | some id in input.colleagues; role := data.users[id].role},
}
`,
    },
    entrypoint: "records/decision",
    data: `{"grants":${JSON.stringify(grants)},"users":{${users.join("").slice(0, -1)}}}`,
    inputs: inputs((i) => {
      const at = Math.floor(((i + 0.5) / inputCount) * users.length);
      return {
        user: userKey(at),
        action: ["read", "update"][i % 2],
        resource: `model-${((at % 100) + (i % 5)) % 40}`,
        colleagues: Array.from({ length: groupsOfUser }, (_, n) =>
          userKey((at + 1_000 * (n + 1)) % users.length),
        ),
      };
    }),
  };
}

/** Names a user of {@link dataCase}. */
export function userKey(i: number): string {
  return `user-${i}`;
}

function builtinHeavy(): PolicyCase {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return {
    name: "built-in-heavy",
    files: {
      "calls.rego": `package calls

payload := json.unmarshal(input.body)

claims := io.jwt.decode(input.token)[1]

# METADATA
# entrypoint: true
decision := {
	"message": sprintf("%s asked for %s at level %d", [lower(input.user), payload.model, payload.level]),
	"digest": crypto.sha256(input.body),
	"seconds": round(time.parse_rfc3339_ns(input.at) / 1000000000),
	"tenant": claims.tenant,
	"named": regex.match("^[a-z]+-[0-9]+$", payload.model),
	"placed": glob.match("acme.*.models", ["."], input.path),
	"words": concat(" ", split(input.path, ".")),
	"inside": net.cidr_contains("10.0.0.0/8", input.address),
	"back": base64.decode(base64.encode(input.user)),
}
`,
    },
    entrypoint: "calls/decision",
    data: "{}",
    inputs: inputs((i) => ({
      user: `User-${i}`,
      at: `2026-11-21T10:${String(i % 60).padStart(2, "0")}:00Z`,
      body: JSON.stringify({ model: `model-${i}`, level: i, messages: [{ role: "user", content: "hello" }] }),
      token: `${part({ alg: "none" })}.${part({ sub: `user-${i}`, tenant: "acme" })}.c2ln`,
      path: `acme.team-${i}.models`,
      address: `10.1.2.${i}`,
    })),
  };
}

function inputs(make: (i: number) => unknown): string[] {
  return Array.from({ length: inputCount }, (_, i) => JSON.stringify(make(i)));
}
