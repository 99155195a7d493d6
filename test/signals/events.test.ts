import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { eventCases, subjectCases } from "./events.cases.js";
import { open } from "../state/fences/world.js";
import type { Transmitter } from "./world.js";
import { issuer, startReceiver, startTransmitter, uris } from "./world.js";

let from: Transmitter;
beforeAll(async () => {
  from = await startTransmitter();
});
afterAll(() => from.close());

describe("what an event does by default", () => {
  test.each(eventCases)("$name", async ({ uri, body, subject, fences, seconds, bumped, result, past }) => {
    const receiver = await startReceiver(from);
    const set = from.sign(from.claims(uri, subject, body));
    expect(await receiver.push(set)).toEqual({ status: 202, err: undefined });
    expect(receiver.inForce()).toEqual(fences);
    expect(receiver.told.map((one) => one.result)).toEqual([result]);
    if (bumped !== undefined) expect([...receiver.bumped].sort()).toEqual(bumped);
    for (const { by, at, expires, reason, issued_before } of receiver.fences.list()) {
      const happened = Date.parse(reason.slice(reason.lastIndexOf(" at ") + 4));
      const cut = past === true ? Math.floor(happened / 1_000) * 1_000 + 1_000 : undefined;
      expect(issued_before).toBe(cut);
      expect(by).toBe("signal:idp");
      expect(reason).toMatch(/^[a-z-]+ at 2\d{3}-/);
      expect(expires === undefined ? undefined : (expires - at) / 1000).toBe(seconds);
    }
    await receiver.close();
  });
});

describe("whom a subject names", () => {
  test.each(subjectCases)("$name", async ({ config, subject, inEvent, fences, err }) => {
    const receiver = await startReceiver(from, config === undefined ? {} : { transmitter: config });
    const body = inEvent === undefined ? {} : { subject: inEvent };
    const set = from.sign(from.claims(`${uris.risc}sessions-revoked`, subject, body));
    expect(await receiver.push(set)).toEqual({ status: err === undefined ? 202 : 400, err });
    expect(receiver.inForce()).toEqual(fences ?? []);
    if (err !== undefined) expect(receiver.bumped).toEqual([]);
    await receiver.close();
  });
});

const ann = { format: "iss_sub", iss: issuer, sub: "ann" };
const seconds = Math.floor(Date.now() / 1000);

test("a session revoked an age ago, by its transmitter's clock, still cuts what was issued before it was told", async () => {
  const receiver = await startReceiver(from);
  for (const event_timestamp of [0, 1, seconds - 30 * 86_400]) {
    const subject = { ...ann, sub: `ann-${event_timestamp}` };
    const claims = from.claims(`${uris.caep}session-revoked`, subject, { event_timestamp });
    expect((await receiver.push(from.sign(claims))).status).toBe(202);
  }
  const cut = receiver.fences.list().map(({ issued_before: before = 0 }) => before >= seconds * 1_000);
  expect(cut).toEqual([true, true, true]);
  await receiver.close();
});

describe("what is taken back", () => {
  const pairs = [
    ["account-disabled", {}, "account-enabled", {}, uris.risc],
    [
      "device-compliance-change",
      { current_status: "not-compliant" },
      "device-compliance-change",
      { current_status: "compliant" },
      uris.caep,
    ],
    [
      "risk-level-change",
      { current_level: "HIGH" },
      "risk-level-change",
      { current_level: "LOW" },
      uris.caep,
    ],
  ] as const;

  test.each(pairs)("%s %p by %s %p", async (event, body, opposite, other, base) => {
    const receiver = await startReceiver(from);
    const operators = await receiver.fences.add({
      match: { tenant: "acme", chain: "ann" },
      reason: "by hand",
      by: "eve",
    });
    const push = (name: string, fields: object, at: number) =>
      receiver.push(from.sign(from.claims(base + name, ann, { ...fields, event_timestamp: at })));
    await push(event, body, seconds - 100);
    expect(receiver.inForce()).toHaveLength(2);
    // what happened before doesn't take back what happened after it
    await push(opposite, other, seconds - 200);
    expect(receiver.inForce()).toHaveLength(2);
    await push(opposite, other, seconds - 50);
    expect(receiver.fences.list().map(({ id }) => [id])).toEqual([
      ["fence" in operators ? operators.fence.id : ""],
    ]);
    // one that is late is stale
    await push(event, body, seconds - 60);
    expect(receiver.told.at(-1)?.result).toBe("stale");
    expect(receiver.inForce()).toHaveLength(1);
    await push(event, body, seconds - 40);
    expect(receiver.inForce()).toHaveLength(2);
    await receiver.close();
  });

  test("a lower risk doesn't enable an account, nor what another transmitter disabled", async () => {
    const receiver = await startReceiver(from, {
      section: {
        transmitters: [
          { name: "idp", issuer, audience: "https://countersign.test/signals" },
          { name: "edr", issuer, audience: "https://countersign.test/edr" },
        ].map((one) => ({
          ...one,
          ...{ tenants: ["acme"], algorithms: ["ES256"], jwks: { url: from.jwks.url } },
          push: { token_file: from.tokenFile },
        })),
      },
    });
    const push = (name: string, uri: string, body: object, aud: string) =>
      receiver.push(from.sign(from.claims(uri, ann, body as never, { aud })), { name });
    await push("idp", `${uris.risc}account-disabled`, {}, "https://countersign.test/signals");
    await push(
      "idp",
      `${uris.caep}risk-level-change`,
      { current_level: "LOW" },
      "https://countersign.test/signals",
    );
    await push("edr", `${uris.risc}account-enabled`, {}, "https://countersign.test/edr");
    expect(receiver.inForce()).toEqual(["chain:ann tenant:acme"]);
    await receiver.close();
  });

  test("where two people must agree, a signal lifts nothing", async () => {
    const fences = await open({ secondPerson: true });
    const receiver = await startReceiver(from, { fences });
    await receiver.push(from.sign(from.claims(`${uris.risc}account-disabled`, ann)));
    expect((await receiver.push(from.sign(from.claims(`${uris.risc}account-enabled`, ann)))).status).toBe(
      202,
    );
    expect(receiver.told.at(-1)?.result).toBe("kept");
    expect(receiver.inForce()).toHaveLength(1);
    await receiver.close();
    await fences.close();
  });

  test("the same again and again fills no list", async () => {
    const receiver = await startReceiver(from);
    for (let n = 0; n < 5; n++) {
      await receiver.push(
        from.sign(from.claims(`${uris.risc}account-disabled`, ann, { event_timestamp: seconds - 50 + n })),
      );
    }
    expect(receiver.inForce()).toEqual(["chain:ann tenant:acme"]);
    // it stands for the last: what came between doesn't lift it
    await receiver.push(
      from.sign(from.claims(`${uris.risc}account-enabled`, ann, { event_timestamp: seconds - 48 })),
    );
    expect(receiver.inForce()).toEqual(["chain:ann tenant:acme"]);
    await receiver.close();
  });
});

test("the configuration says what an event does", async () => {
  const receiver = await startReceiver(from, {
    transmitter: {
      events: {
        "session-revoked": { fence: ["subject"], seconds: 60 },
        "risk-level-change": [
          {
            when: { current_level: ["medium", "HIGH"], principal: "user" },
            fence: ["chain"],
            seconds: "until_lifted",
          },
        ],
        "account-disabled": "ignore",
        "https://schemas.example/event-type/launch": { fence: ["chain"], seconds: 5 },
      },
    },
  });
  const push = (uri: string, body = {}) => receiver.push(from.sign(from.claims(uri, ann, body)));
  await push(`${uris.caep}session-revoked`);
  expect(receiver.inForce()).toEqual(["subject:ann tenant:acme"]);
  await push(`${uris.risc}account-disabled`);
  await push(`${uris.caep}risk-level-change`, { current_level: "MEDIUM", principal: "DEVICE" });
  expect(receiver.told.slice(1).map(({ result }) => result)).toEqual(["ignored", "ignored"]);
  await push(`${uris.caep}risk-level-change`, { current_level: "MEDIUM", principal: "USER" });
  await push("https://schemas.example/event-type/launch");
  expect(receiver.inForce()).toEqual([
    "chain:ann tenant:acme",
    "chain:ann tenant:acme",
    "subject:ann tenant:acme",
  ]);
  expect(receiver.told.at(-1)).toMatchObject({ event: "other", result: "fenced" });
  await receiver.close();
});
