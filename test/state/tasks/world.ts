/** Tasks over a real ring of keys, with identities as `identify` mints them. */
import { aloneStore } from "../../../sidecar/assert/store.js";
import { createKeyRing } from "../../../sidecar/assert/ring.js";
import { createSignToken } from "../../../sidecar/assert/sign.js";
import type { AssertionAlgorithm } from "../../../sidecar/assert/keys.js";
import type { Identity } from "../../../sidecar/contract.js";
import { Fields, Problems } from "../../../sidecar/contract.js";
import type { IdentityFields } from "../../../sidecar/identify/mint.js";
import { mintIdentity } from "../../../sidecar/identify/mint.js";
import { readTasks } from "../../../sidecar/state/tasks/config.js";
import { createTasks } from "../../../sidecar/state/tasks/create-tasks.js";
import type { ResolvedTask, Task, Tasks } from "../../../sidecar/state/tasks/tasks.js";
import type { Json, JsonObject } from "../../../sidecar/contract.js";

export const start = Date.parse("2026-03-02T09:00:00Z");

export interface TasksWorld {
  readonly tasks: Tasks;
  /** Signs anything with the fleet's own key. */
  sign(type: string, claims: JsonObject): string;
  readonly keys: () => string;
  readonly clock: { now: number };
  token(task: Task, identity: Identity): string;
  refresh(): Promise<void>;
}

export async function startTasks(
  settings: Record<string, Json> = {},
  algorithm: AssertionAlgorithm = "ES256",
): Promise<TasksWorld> {
  const clock = { now: start };
  const now = (): number => clock.now;
  const ring = createKeyRing({
    algorithm,
    rotateMs: 3_600_000,
    store: aloneStore,
    now,
    onEvent: () => undefined,
  });
  await ring.refresh();
  const problems = new Problems();
  const config = readTasks(new Fields(settings, "tasks", problems), problems);
  if (problems.list.length > 0) throw new Error(problems.list.join("\n"));
  const sign = createSignToken(ring.signer);
  const tasks = createTasks({
    ...{ config, sign, now, keys: ring.published, issuer: "https://fleet.example" },
    newId: () => crypto.randomUUID(),
  });
  return {
    ...{ tasks, clock, keys: ring.published, refresh: ring.refresh },
    sign: (type, claims) => sign(type, claims)?.token ?? "",
    token(task, identity) {
      const issued = tasks.issue(task, identity);
      if (issued === undefined) throw new Error("no token");
      return issued.token;
    },
  };
}

export const ada = { type: "user", id: "ada", issuer: "https://idp.example" } as const;
export const bob = { type: "user", id: "bob", issuer: "https://idp.example" } as const;
export const writer = { type: "agent", id: "writer", issuer: "https://idp.example" } as const;
export const reader = { type: "agent", id: "reader", issuer: "https://idp.example" } as const;

/** Somebody that `identify` could have found. */
export function who(
  chain: readonly Identity["chain"][number][],
  more: Partial<Omit<IdentityFields, "chain">> = {},
): Identity {
  const last = chain.at(-1) ?? ada;
  return mintIdentity({
    ...{ type: last.type, id: last.id, tenant: "acme", issuer: last.issuer, method: "jwt" },
    ...{ assurance: "bearer", groups: [], roles: [], claims: {} },
    credentials: [{ method: "jwt", id: "c1" }],
    chain: [...chain],
    expiresAt: start + 86_400_000,
    ...more,
  });
}

/** A workload's own SVID. */
export function svid(id: string, more: Partial<IdentityFields> = {}): Identity {
  return who([{ type: "workload", id, issuer: "acme.example" }], {
    method: "x509_svid",
    workload: { id, trust_domain: "acme.example", attested: true },
    ...more,
  });
}

export function taskOf(resolved: ResolvedTask): Task {
  if (resolved.kind === "refused") throw new Error(`refused: ${resolved.code}`);
  return resolved.task;
}

export function codeOf(resolved: ResolvedTask): string {
  return resolved.kind === "refused" ? resolved.code : "held";
}

/** Says a token's header and claims, without asking whether they hold. */
export function open(token: string): { head: Record<string, unknown>; claims: Record<string, unknown> } {
  const [head = "", claims = ""] = token.split(".");
  const read = (part: string) =>
    JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;
  return { head: read(head), claims: read(claims) };
}
