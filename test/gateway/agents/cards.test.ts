import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { AgentCard, generateAgentCardSignature } from "@a2a-js/sdk";
import { generateKeyPairSync } from "node:crypto";
import type { JWK } from "jose";
import type { Served, World } from "../world.js";
import { allow, callerToken, deny, json, startUpstream, startWorld } from "../world.js";
import { cardOf } from "./agent-server.js";

const keys = () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { privateKey, jwk: { ...publicKey.export({ format: "jwk" }), kid: "agent-1" } as JWK };
};
const own = keys();
const foreign = keys();
const plainCard = AgentCard.toJSON(cardOf("https://agents.example")) as Record<string, unknown>;

let agent: Served;
let world: World;
/** What the agent gives for its card. */
let card: () => Promise<unknown> | unknown;
let status = 200;

beforeAll(async () => {
  agent = await startUpstream((_req, res) => {
    void Promise.resolve(card()).then((value) => {
      json(res, value, status);
    });
  });
});
afterAll(() => agent.close());

const sign = async (key: ReturnType<typeof keys>["privateKey"], kid = "agent-1"): Promise<unknown> => {
  const signer = generateAgentCardSignature(key, { alg: "ES256", kid, typ: "JOSE" });
  return AgentCard.toJSON(await signer(AgentCard.fromJSON(plainCard)));
};
const get = (headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${world.url}/a2a/helper/.well-known/agent-card.json`, {
    headers: { authorization: `Bearer ${callerToken}`, "a2a-version": "1.0", ...headers },
  });

/** A gateway that knows no card yet. */
const start = async (more: object = {}): Promise<void> => {
  world = await startWorld({ config: { agents: { helper: { url: `${agent.url}/rpc`, ...more } } } });
};

describe("an agent's card", () => {
  beforeEach(() => {
    status = 200;
    card = () => plainCard;
  });

  const skill = (id: unknown) => ({ id, name: "x", description: "", tags: [] });
  test.each([
    ["isn't an object", [plainCard]],
    ["has no name", { ...plainCard, name: "" }],
    ["has a skill twice", { ...plainCard, skills: [skill("a"), skill("a")] }],
    ["has a skill twice in other letters", { ...plainCard, skills: [skill("a"), skill("A")] }],
    ["has a skill whose id hides a character", { ...plainCard, skills: [skill("a\u200b")] }],
    ["has a skill whose id is a number", { ...plainCard, skills: [skill(1)] }],
    [
      "has more skills than can be decided",
      { ...plainCard, skills: Array.from({ length: 501 }, (_, i) => skill(`s${i}`)) },
    ],
    ["is larger than a card", { ...plainCard, description: "x".repeat(2 ** 20) }],
  ])("that %s is none", async (_name, value) => {
    card = () => value;
    await start();
    const response = await get();
    expect(response.status).toBe(502);
    expect(await response.text()).toContain("UPSTREAM_INVALID");
    await world.close();
  });

  test("is asked for once, by whoever asks, and in nobody's name", async () => {
    await start({ api_key: { value: "agent-key-77aa" } });
    agent.received.length = 0;
    const all = await Promise.all(Array.from({ length: 8 }, () => get()));
    expect(all.map((response) => response.status)).toEqual(all.map(() => 200));
    expect(agent.received.length).toBe(1);
    expect(agent.received[0]?.headers).toMatchObject({ authorization: "Bearer agent-key-77aa" });
    await world.close();
  });

  test("isn't for who may not know of the agent, nor for who isn't known", async () => {
    await start();
    agent.received.length = 0;
    world.sidecar.decide = deny();
    expect((await get()).status).toBe(403);
    world.sidecar.decide = deny("unauthenticated", "no credentials were presented");
    const unknown = await get();
    expect(unknown.status).toBe(401);
    expect(unknown.headers.get("www-authenticate")).toContain(
      "/.well-known/oauth-protected-resource/a2a/helper",
    );
    expect(agent.received).toEqual([]);
    await world.close();
  });

  test("of a version that isn't spoken is refused by name", async () => {
    await start();
    expect((await get({ "a2a-version": "9.9" })).status).toBe(400);
    await world.close();
  });

  test("of 0.3 speaks 0.3 alone", async () => {
    await start();
    const old = (await (await get({ "a2a-version": "0.3" })).json()) as Record<string, unknown>;
    expect(old).toMatchObject({ protocolVersion: "0.3.0", preferredTransport: "JSONRPC" });
    expect(old["supportedInterfaces"]).toBeUndefined();
    await world.close();
  });

  test.each([
    ["signed by a configured key", () => sign(own.privateKey), 200],
    ["signed by another key of the same name", () => sign(foreign.privateKey), 502],
    ["signed under another name", () => sign(own.privateKey, "agent-2"), 502],
    ["not signed", () => plainCard, 502],
    [
      "changed after it was signed",
      async () => ({ ...((await sign(own.privateKey)) as object), description: "other" }),
      502,
    ],
    [
      "with the signature of nobody",
      async () => {
        const header = Buffer.from('{"alg":"none","kid":"agent-1","typ":"JOSE"}').toString("base64url");
        return { ...plainCard, signatures: [{ protected: header, signature: "" }] };
      },
      502,
    ],
    [
      "with a MAC by the public key",
      async () => {
        const { createHmac } = await import("node:crypto");
        const header = Buffer.from('{"alg":"HS256","kid":"agent-1","typ":"JOSE"}').toString("base64url");
        const signature = createHmac("sha256", JSON.stringify(own.jwk)).update(header).digest("base64url");
        return { ...plainCard, signatures: [{ protected: header, signature }] };
      },
      502,
    ],
  ])("%s, where keys are configured: the signature counts", async (_name, make, expected) => {
    card = make;
    await start({ card_keys: [JSON.stringify(own.jwk)] });
    expect((await get()).status).toBe(expected);
    await world.close();
  });

  test("for who is known is filtered like the other", async () => {
    await start({ skills: ["greet", "extra"] });
    world.sidecar.decide = (call) => ({ allow: call.resource.properties["skill"] !== "greet" });
    agent.answer = (_req, res, body) => {
      const { id, method } = JSON.parse(body) as { id: string; method: string };
      expect(method).toBe("GetExtendedAgentCard");
      const skills = [skill("greet"), skill("extra"), skill("hidden")];
      json(res, { jsonrpc: "2.0", id, result: { ...plainCard, skills } });
    };
    const response = await fetch(`${world.url}/a2a/helper`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${callerToken}`,
        "content-type": "application/json",
        "a2a-version": "1.0",
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"GetExtendedAgentCard"}',
    });
    const { result } = (await response.json()) as { result: { skills: { id: string }[] } };
    expect(result.skills.map(({ id }) => id)).toEqual(["extra"]);
    expect(JSON.stringify(result)).not.toContain("agents.example");
    world.sidecar.decide = allow;
    await world.close();
  });
});
