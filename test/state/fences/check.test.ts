/** What a fence names, and what runs into it. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { FenceMatch, Handle, Identity } from "../../../sidecar/contract.js";
import { callHandles, fenceKinds } from "../../../sidecar/contract.js";
import { mintIdentity } from "../../../sidecar/identify/mint.js";
import { identityHandles } from "../../../sidecar/state/fences/handles.js";
import { createFenceIndex, mostShapes } from "../../../sidecar/state/fences/index-fences.js";
import { readMatch } from "../../../sidecar/state/fences/match.js";
import type { Opened } from "./world.js";
import { open } from "./world.js";

const ann: Identity = mintIdentity({
  type: "agent",
  id: "agent:helper",
  tenant: "acme",
  issuer: "https://idp.acme.example",
  method: "jwt",
  assurance: "bearer",
  groups: [],
  roles: [],
  workload: { id: "spiffe://acme/helper", trust_domain: "acme", attested: true },
  session: "s-1",
  device: { id: "laptop-7", managed: true },
  credentials: [
    { method: "jwt", id: "jti-1", issuer: "https://idp.acme.example" },
    { method: "x509_svid", id: "sha256:aa", issuer: "acme" },
  ],
  chain: [
    { type: "user", id: "ann@acme.example", issuer: "https://idp.acme.example" },
    { type: "workload", id: "spiffe://acme/broker", issuer: "acme" },
    { type: "agent", id: "agent:helper", issuer: "https://idp.acme.example" },
  ],
  claims: {},
  expiresAt: 0,
});
const tool = callHandles({
  resource: { type: "tool", id: "github/create_issue", properties: { server: "github" } },
});
const handles: Handle[] = [...identityHandles(ann), ...tool, "task:t-root", "task:t-1", "bundle:default"];

const fits: readonly FenceMatch[] = [
  { everything: "*" },
  { tenant: "acme" },
  { subject: "agent:helper" },
  { workload: "spiffe://acme/helper" },
  { workload: "spiffe://acme/broker" },
  { chain: "ann@acme.example" },
  { chain: "agent:helper" },
  { token: "jti-1" },
  { token: "sha256:aa" },
  { session: "s-1" },
  { device: "laptop-7" },
  { task: "t-root" },
  { task: "t-1" },
  { tool: "github/create_issue" },
  { server: "github" },
  { bundle: "default" },
  { tenant: "acme", tool: "github/create_issue" },
  { tenant: "acme", chain: "ann@acme.example", server: "github", task: "t-root" },
];
const misses: readonly FenceMatch[] = [
  { tenant: "globex" },
  { subject: "ann@acme.example" },
  { subject: "agent:Helper" },
  { tool: "github/delete_repository" },
  { model: "github/create_issue" },
  { task: "t-2" },
  { session: "jti-1" },
  // in another tenant only
  { tenant: "globex", tool: "github/create_issue" },
  { tenant: "globex", chain: "ann@acme.example" },
  { tenant: "acme", tool: "github/create_issue", task: "t-2" },
];

let fences: Opened;
afterEach(() => fences.close());

describe("what is named", () => {
  test.each(fits)("%j cuts it off", async (match) => {
    fences = await open();
    const added = await fences.add({ match, reason: "test", by: "ann" });
    expect(added).toMatchObject({ kind: "done", fence: { match, version: 1, state: "active" } });
    expect(fences.check(handles)).toMatchObject({ match });
  });
  test.each(misses)("%j doesn't", async (match) => {
    fences = await open();
    await fences.add({ match, reason: "test", by: "ann" });
    expect(fences.check(handles)).toBeUndefined();
  });
});

describe("with thousands of others", () => {
  test("it is found, also behind an expired one that names the same, and not any more once it is lifted", async () => {
    let now = 1_000_000;
    fences = await open({ max: 20_000 }, { now: () => now });
    for (let i = 0; i < 2_000; i++) {
      await fences.add({ match: { subject: `agent:${i}`, tenant: "acme" }, reason: "test", by: "ann" });
      await fences.add({ match: { tool: `github/${i}` }, reason: "test", by: "ann" });
    }
    expect(fences.check(handles)).toBeUndefined();
    await fences.add({ match: { chain: "ann@acme.example" }, reason: "test", by: "ann", seconds: 10 });
    const longer = await fences.add({
      match: { chain: "ann@acme.example" },
      reason: "test",
      by: "ann",
      seconds: 60,
    });
    now += 30_000;
    const id = "fence" in longer ? longer.fence.id : "";
    expect(fences.check(handles)).toMatchObject({ id });
    await fences.lift(id, "ann");
    expect(fences.check(handles)).toBeUndefined();
  });

  test("combinations of kinds are bounded", () => {
    const index = createFenceIndex();
    let n = 0;
    const kinds = fenceKinds.filter((kind) => kind !== "everything");
    for (const [i, one] of kinds.entries()) {
      for (const other of kinds.slice(i + 1)) {
        const match = { [one]: "x", [other]: "y" };
        if (!index.takes(match)) break;
        n++;
        index.add({ id: `${n}`, version: 1, state: "active", match, reason: "t", by: "ann", at: 0 });
      }
    }
    expect(n).toBe(mostShapes);
    expect(index.takes({ tenant: "acme" })).toBe(true);
  });

  test("a caller with more handles than are combined is looked at all the same", async () => {
    fences = await open();
    await fences.add({ match: { chain: "c-99", task: "t-99" }, reason: "test", by: "ann" });
    const many = Array.from({ length: 100 }, (_, i) => [`chain:c-${i}`, `task:t-${i}`]).flat();
    expect(fences.check(many)).toMatchObject({ match: { chain: "c-99" } });
    expect(fences.check(many.filter((one) => one !== "task:t-99"))).toBeUndefined();
  });
});

test("handles of an identity are made once", () => {
  expect(identityHandles(ann)).toBe(identityHandles(ann));
  expect(new Set(identityHandles(ann))).toEqual(
    new Set([
      ...["subject:agent:helper", "tenant:acme", "workload:spiffe://acme/helper"],
      ...["workload:spiffe://acme/broker", "chain:ann@acme.example", "chain:spiffe://acme/broker"],
      ...["chain:agent:helper", "token:jti-1", "token:sha256:aa", "session:s-1", "device:laptop-7"],
    ]),
  );
  fences = { close: () => Promise.resolve() } as Opened;
});

const wrong: readonly (readonly [name: string, match: unknown, says: string])[] = [
  ["no object", "everything", "must be an object"],
  ["nothing", {}, "at least one"],
  ["an unknown kind", { subjekt: "ann" }, "did you mean subject?"],
  ["a tool without its server", { tool: "run" }, "SERVER/TOOL"],
  ["a kind beside an unknown one", { subject: "ann", rooms: "all" }, "match.rooms is no kind"],
  ["a number", { tenant: 7 }, "match.tenant must be text"],
  ["an empty value", { tenant: "" }, "match.tenant must be text"],
  ["a value that is too long", { tenant: "x".repeat(2_049) }, "match.tenant must be text"],
  ["a value of two lines", { tenant: "ac\nme" }, "match.tenant must be text"],
  ["everything by another name", { everything: "yes" }, 'must be "*"'],
  ["everything, and something", { everything: "*", tenant: "acme" }, "stands alone"],
  ["a kind of the prototype", JSON.parse('{"__proto__": {"tenant": "acme"}}'), "is no kind"],
];
test.each(wrong)("a match is refused: %s", (_name, match, says) => {
  const read = readMatch(match as never);
  expect(read.kind === "wrong" ? read.problem : read.kind).toContain(says);
  fences = { close: () => Promise.resolve() } as Opened;
});
