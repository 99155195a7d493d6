/** What is fenced here is told to others: to our own receiver, over real sockets, signed by the fleet's keys. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { generateSigningKey, type SigningKey } from "../../sidecar/assert/keys.js";
import { createSignToken } from "../../sidecar/assert/sign.js";
import type { FenceMatch, JsonObject } from "../../sidecar/contract.js";
import type { Members } from "../identify/world.js";
import { until } from "../redis.js";
import type { Receiver, Transmitter } from "./world.js";
import { audience, serve, startReceiver, startTransmitter } from "./world.js";

const ourIssuer = "https://countersign.test/fleet";
const managing = "a-token-to-manage-the-stream-with-0123456789";

let files: Transmitter;
let key: SigningKey;
beforeAll(async () => {
  files = await startTransmitter();
  key = await generateSigningKey("ES256");
  await writeFile(join(files.folder, "manage"), managing);
});
afterAll(() => files.close());

const sign = (claims: JsonObject) => createSignToken(() => key)("secevent+jwt", claims)?.token;

/** One who receives by our own receiver. */
const startPeer = (more: Members = {}, section?: Members): Promise<Receiver> =>
  startReceiver(files, {
    ...(section === undefined ? {} : { section }),
    transmitter: {
      ...{ name: "fleet", issuer: ourIssuer, tenants: ["acme", "globex"], jwks: { keys: [key.publicKey] } },
      ...{ subject: { formats: ["opaque"] } },
      ...more,
    },
  });

const receiverConfig = (url: string, more: Members = {}): Members => ({
  ...{ name: "peer", audience, url, token_file: files.tokenFile, tenants: ["acme"] },
  management_token_file: join(files.folder, "manage"),
  ...more,
});

const startFleet = (receivers: readonly Members[], more: object = {}): Promise<Receiver> =>
  startReceiver(files, {
    section: { issuer: ourIssuer, transmit: receivers },
    parts: { sign, publicUrl: "https://countersign.test", ...more },
  });

const fence = (fleet: Receiver, match: FenceMatch, by = "operator@acme.example") =>
  fleet.fences.add({ match, by, reason: "left the company" });

describe("what is fenced", () => {
  const told: readonly { name: string; match: FenceMatch; fences: readonly string[] }[] = [
    { name: "a session", match: { tenant: "acme", session: "s-1" }, fences: ["session:s-1 tenant:acme"] },
    { name: "a subject", match: { tenant: "acme", subject: "ann" }, fences: ["chain:ann tenant:acme"] },
    {
      name: "anybody in the chain",
      match: { tenant: "acme", chain: "ann" },
      fences: ["chain:ann tenant:acme"],
    },
    { name: "a token", match: { tenant: "acme", token: "j-1" }, fences: ["tenant:acme token:j-1"] },
  ];
  test.each(told)("$name is told to who receives it, and fenced there", async ({ match, fences }) => {
    const peer = await startPeer();
    const fleet = await startFleet([receiverConfig(`${peer.url}/v1/signals/fleet`)]);
    await fence(fleet, match);
    await until(() => peer.told.length > 0);
    expect(peer.inForce()).toEqual(fences);
    await until(() => fleet.told.length > 0);
    expect(fleet.told).toMatchObject([
      { direction: "sent", peer: "peer", event: "session-revoked", result: "sent" },
    ]);
    await fleet.close();
    await peer.close();
  });

  test("and lifted is told by the events that can say so", async () => {
    const peer = await startPeer();
    const events = ["risk-level-change", "account-disabled"];
    const fleet = await startFleet([receiverConfig(`${peer.url}/v1/signals/fleet`, { events })]);
    const set = await fence(fleet, { tenant: "acme", chain: "ann" });
    await until(() => peer.told.length === 2);
    expect(peer.inForce()).toHaveLength(2);
    const id = "fence" in set ? set.fence.id : "";
    await fleet.fences.lift(id, "operator@acme.example");
    await until(() => peer.told.length === 4);
    expect(peer.told.map(({ event, result }) => [event, result])).toEqual([
      ["risk-level-change", "fenced"],
      ["account-disabled", "fenced"],
      ["risk-level-change", "lifted"],
      ["account-enabled", "lifted"],
    ]);
    expect(peer.inForce()).toEqual([]);
    await fleet.close();
    await peer.close();
  });
});

/** Starts one that takes what is pushed, and answers as told. */
async function startTaker(statuses: number[] = []) {
  const taken: Members[] = [];
  const server = await serve((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const [, body = ""] = Buffer.concat(chunks).toString().split(".");
      taken.push(JSON.parse(Buffer.from(body, "base64url").toString()) as Members);
      res.writeHead(statuses.shift() ?? 202).end();
    });
  });
  return { ...server, taken };
}

describe("who is told what", () => {
  const silent: readonly { name: string; match: FenceMatch; by?: string; more?: Members }[] = [
    { name: "of another tenant", match: { tenant: "globex", chain: "ann" } },
    { name: "of all tenants", match: { chain: "ann" } },
    { name: "of a model", match: { tenant: "acme", model: "gpt" } },
    { name: "of a user at one tool: that is narrower", match: { tenant: "acme", chain: "ann", tool: "s/t" } },
    { name: "of a tenant as a whole", match: { tenant: "acme" } },
    { name: "of what its own signal brought", match: { tenant: "acme", chain: "ann" }, by: "signal:peer" },
    { name: "of what any signal brought", match: { tenant: "acme", chain: "ann" }, by: "signal:idp" },
    {
      name: "of what another signal brought than those that are passed on",
      ...{ match: { tenant: "acme", chain: "ann" }, by: "signal:edr", more: { relay: ["idp"] } },
    },
  ];
  test.each(silent)("nobody, $name", async ({ match, by, more = {} }) => {
    const taker = await startTaker();
    const fleet = await startFleet([receiverConfig(taker.url, more)]);
    await fence(fleet, match, by);
    await fence(fleet, { tenant: "acme", session: "last" });
    await until(() => taker.taken.length > 0);
    expect(taker.taken).toHaveLength(1);
    expect(JSON.stringify(taker.taken)).toMatch(/last/);
    await fleet.close();
    await taker.close();
  });

  test("the reason only where that is configured; by whom in general words; the subject in the format asked for", async () => {
    const taker = await startTaker();
    const subject = { format: "iss_sub", issuer: "https://idp.test" };
    const fleet = await startFleet([
      receiverConfig(taker.url, { subject, relay: ["idp"] }),
      receiverConfig(taker.url, {
        name: "open",
        tenants: ["*"],
        reasons: true,
        subject: { format: "email" },
      }),
    ]);
    await fence(fleet, { tenant: "acme", chain: "ann@acme.example" }, "signal:idp");
    await fence(fleet, { chain: "bob@acme.example" }, "rule:denials");
    await until(() => taker.taken.length === 2);
    // two streams: neither waits for the other
    const of = (user: string): Members =>
      (taker.taken as Members[]).find((event) => JSON.stringify(event["sub_id"]).includes(user)) ?? {};
    const [relayed, open] = [of("ann@"), of("bob@")];
    expect(relayed["sub_id"]).toEqual({
      ...{ format: "complex", tenant: { format: "opaque", id: "acme" } },
      user: { format: "iss_sub", iss: "https://idp.test", sub: "ann@acme.example" },
    });
    expect(JSON.stringify(relayed)).not.toMatch(/left the company/);
    expect(Object.values(relayed["events"] as object)).toMatchObject([{ initiating_entity: "system" }]);
    expect(open["sub_id"]).toEqual({
      format: "complex",
      user: { format: "email", email: "bob@acme.example" },
    });
    expect(Object.values(open["events"] as object)).toMatchObject([
      { initiating_entity: "policy", reason_admin: { en: "left the company" } },
    ]);
    await fleet.close();
    await taker.close();
  });
});

describe("a receiver that doesn't take it", () => {
  test("is tried again with the same jti, and told in order", async () => {
    const taker = await startTaker([503, 202]);
    const fleet = await startFleet([receiverConfig(taker.url)]);
    await fence(fleet, { tenant: "acme", session: "one" });
    await fence(fleet, { tenant: "acme", session: "two" });
    await until(() => taker.taken.length === 3);
    const [first, again, second] = taker.taken as [Members, Members, Members];
    expect(again["jti"]).toBe(first["jti"]);
    expect(second["jti"]).not.toBe(first["jti"]);
    await until(() => fleet.told.length === 3);
    expect(fleet.told.map(({ result }) => result)).toEqual(["retried", "sent", "sent"]);
    await fleet.close();
    await taker.close();
  });
  test("is not asked again where it refused it for good", async () => {
    const taker = await startTaker([400]);
    const fleet = await startFleet([receiverConfig(taker.url)]);
    await fence(fleet, { tenant: "acme", session: "one" });
    await fence(fleet, { tenant: "acme", session: "two" });
    await until(() => fleet.told.length === 2);
    expect(fleet.told.map(({ result }) => result)).toEqual(["refused", "sent"]);
    await fleet.close();
    await taker.close();
  });
});

test("two fleets that tell each other don't run in circles", async () => {
  const doors = await Promise.all([startPeer(), startPeer()]);
  const urls = doors.map(({ url }) => `${url}/v1/signals/fleet`);
  const fleets = await Promise.all(
    doors.map((door, n) =>
      startReceiver(files, {
        section: { issuer: ourIssuer, transmit: [receiverConfig(urls[1 - n] ?? "")] },
        fences: door.fences,
        parts: { sign },
      }),
    ),
  );
  const [one, two] = [fleets[0], doors[1]];
  await one?.fences.add({ match: { tenant: "acme", chain: "ann" }, by: "operator", reason: "r" });
  await until(() => (two?.told.length ?? 0) > 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(doors.map(({ told }) => told.length)).toEqual([0, 1]);
  for (const fleet of fleets) await fleet.close();
  for (const door of doors) await door.close();
});

describe("the stream", () => {
  let fleet: Receiver;
  let peer: Receiver;
  beforeAll(async () => {
    peer = await startPeer();
    fleet = await startFleet([receiverConfig(`${peer.url}/v1/signals/fleet`)]);
  });
  afterAll(async () => {
    await fleet.close();
    await peer.close();
  });
  const ask = async (path: string, init: RequestInit = {}, given: string | null = managing) => {
    const headers = given === null ? {} : { authorization: `Bearer ${given}` };
    const response = await fetch(fleet.url + path, { ...init, headers });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : (JSON.parse(text) as unknown) };
  };

  test("is discovered below the issuer's path", async () => {
    expect(await ask("/.well-known/ssf-configuration/fleet", {}, null)).toMatchObject({
      status: 200,
      body: {
        ...{
          spec_version: "1_0",
          issuer: ourIssuer,
          jwks_uri: "https://countersign.test/.well-known/jwks.json",
        },
        delivery_methods_supported: ["urn:ietf:rfc:8935"],
        verification_endpoint: "https://countersign.test/v1/signals/verify",
      },
    });
    expect((await ask("/.well-known/ssf-configuration", {}, null)).status).toBe(404);
  });
  test("is read by its receiver only", async () => {
    expect(await ask("/v1/signals/stream")).toMatchObject({
      status: 200,
      body: [{ stream_id: "peer", iss: ourIssuer, aud: audience }],
    });
    expect(await ask("/v1/signals/stream?stream_id=peer")).toMatchObject({
      status: 200,
      body: { stream_id: "peer" },
    });
    expect((await ask("/v1/signals/stream?stream_id=other")).status).toBe(404);
    expect((await ask("/v1/signals/stream", {}, "another-token-that-is-as-long-0123456789")).status).toBe(
      401,
    );
    expect((await ask("/v1/signals/stream", {}, null)).status).toBe(401);
    expect((await ask("/v1/signals/stream", { method: "DELETE" })).status).toBe(405);
    expect(await ask("/v1/signals/status?stream_id=peer")).toEqual({
      status: 200,
      body: { stream_id: "peer", status: "enabled" },
    });
  });
  test("is verified on request, not too often", async () => {
    const verify = (body: string) => ask("/v1/signals/verify", { method: "POST", body });
    expect((await verify("{")).status).toBe(400);
    expect((await verify('{"stream_id":"other"}')).status).toBe(404);
    expect((await verify('{"stream_id":"peer","state":"abc"}')).status).toBe(204);
    await until(() => peer.told.length > 0);
    expect(peer.told).toMatchObject([{ event: "verification", result: "verified" }]);
    expect((await verify('{"stream_id":"peer"}')).status).toBe(429);
  });
});
