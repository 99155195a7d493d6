import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import yaml from "js-yaml";
import { createDigest } from "../../sidecar/record/fact.js";
import { createEventWriter } from "../../sidecar/record/event.js";
import { createMetrics } from "../../sidecar/record/metrics.js";
import { eventNames } from "../../sidecar/signals/events.js";
import type { SignalEvent } from "../../sidecar/signals/told.js";
import type { Members } from "../identify/world.js";
import { root } from "../world.js";
import { readSection } from "./world.js";

const transmitter = {
  ...{ name: "idp", issuer: "https://idp.test", audience: "us", tenants: ["acme"] },
  ...{ jwks: { url: "https://idp.test/keys" }, push: { token_file: "/t" } },
};
const receiver = {
  name: "siem",
  audience: "them",
  url: "https://siem.test/",
  token_file: "/t",
  tenants: ["acme"],
};
const withTransmitter = (more: Members) => ({ transmitters: [{ ...transmitter, ...more }] });
const withReceiver = (more: Members) => ({ issuer: "https://us.test", transmit: [{ ...receiver, ...more }] });

const wrong: readonly { name: string; section: Members; problem: RegExp }[] = [
  {
    name: "an unknown key",
    section: withTransmitter({ isuer: "x" }),
    problem: /isuer: unknown field; did you mean issuer/,
  },
  { name: "no tenants", section: withTransmitter({ tenants: [] }), problem: /tenants: must list/ },
  {
    name: "any tenant among others",
    section: withTransmitter({ tenants: ["*", "acme"] }),
    problem: /must stand alone/,
  },
  {
    name: "a name that is a route",
    section: withTransmitter({ name: "verify" }),
    problem: /name: must be letters/,
  },
  {
    name: "a symmetric algorithm",
    section: withTransmitter({ algorithms: ["HS256"] }),
    problem: /algorithms\[0\]: must be one of/,
  },
  {
    name: "no algorithm at all",
    section: withTransmitter({ algorithms: ["none"] }),
    problem: /algorithms\[0\]: must be one of/,
  },
  {
    name: "keys by plain HTTP",
    section: withTransmitter({ jwks: { url: "http://idp.test/keys" } }),
    problem: /jwks.url: must be https/,
  },
  {
    name: "two places of keys",
    section: withTransmitter({ jwks: { url: "https://a.test", file: "/f" } }),
    problem: /one of url, file and keys/,
  },
  {
    name: "neither push nor poll",
    section: withTransmitter({ push: undefined }),
    problem: /push: give push, poll or both/,
  },
  {
    name: "a poll without a token",
    section: withTransmitter({ poll: { url: "https://idp.test/poll" } }),
    problem: /poll.token_file: is required/,
  },
  {
    name: "an event that isn't known",
    section: withTransmitter({ events: { "session-revokd": "ignore" } }),
    problem: /did you mean session-revoked/,
  },
  {
    name: "a fence that isn't known",
    section: withTransmitter({ events: { "session-revoked": { fence: ["model"] } } }),
    problem: /fence\[0\]: must be one of/,
  },
  {
    name: "an effect and its opposite",
    section: withTransmitter({ events: { "session-revoked": { fence: ["chain"], lift: ["x"] } } }),
    problem: /can't be together/,
  },
  {
    name: "a condition that is no text",
    section: withTransmitter({ events: { "session-revoked": { when: { a: 1 } } } }),
    problem: /when.a: must be a text/,
  },
  {
    name: "another's tenant by name",
    section: withTransmitter({ tenant_names: { x: "globex" } }),
    problem: /must be one of the transmitter's tenants/,
  },
  {
    name: "the same transmitter twice",
    section: { transmitters: [transmitter, transmitter] },
    problem: /name: is taken[\s\S]*is taken by another/,
  },
  {
    name: "telling without an issuer",
    section: { transmit: [receiver] },
    problem: /issuer: is required with transmit/,
  },
  { name: "telling nobody's fences", section: withReceiver({ tenants: [] }), problem: /tenants: must list/ },
  { name: "a loop", section: withReceiver({ relay: ["siem"] }), problem: /that is a loop/ },
  {
    name: "telling by plain HTTP",
    section: withReceiver({ url: "http://siem.test/" }),
    problem: /url: must be https/,
  },
  {
    name: "subjects of an issuer without it",
    section: withReceiver({ subject: { format: "iss_sub" } }),
    problem: /subject.issuer: stands with/,
  },
];

describe("the section signals", () => {
  test.each(wrong)("refuses $name", ({ section, problem }) => {
    const plain = JSON.parse(JSON.stringify(section)) as Members;
    expect(() => readSection(plain)).toThrow(problem);
  });
  test("takes what is right", () => {
    expect(readSection({ ...withTransmitter({}), ...withReceiver({}) })).toMatchObject({
      transmitters: [{ name: "idp", maxAge: 86_400, unmapped: "refuse" }],
      transmit: [{ name: "siem", events: ["session-revoked"], reasons: false }],
    });
  });
});

describe("docs/signals.md", () => {
  const text = readFileSync(join(root, "docs/signals.md"), "utf8");
  test("its example is a valid configuration, with what is laid over it", () => {
    const [first = "", ...others] = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(
      ([, example = ""]) => example,
    );
    const whole = first + others.slice(0, 2).join("");
    const { signals } = yaml.load(whole) as { signals: Members };
    expect(readSection(signals).transmitters[0]?.poll?.interval).toBe(10);
    const { signals: told } = yaml.load((others[2] ?? "").replace(/^assertion:.*$/m, "")) as {
      signals: Members;
    };
    expect(readSection(told).transmit).toHaveLength(1);
  });
  test("names every event", () => {
    const named = eventNames.filter(
      (name) => !text.includes(`\`${name.replace(/^(opt-out|recovery)-.*/, "$1-*")}\``),
    );
    expect(named).toEqual([]);
  });
});

describe("what is recorded and counted", () => {
  const signal: SignalEvent = {
    ...{ direction: "received", peer: "idp", event: "session-revoked", result: "fenced", fences: ["f-1"] },
    ...{ jti: "set-of-ann", at: 1_800_000_000_000 },
    subject: { tenants: ["acme"], targets: new Map([["chain", ["ann@acme.example"]]]) },
  };
  test("has whom it is about as digests only", () => {
    const write = createEventWriter({
      labels: { id: "i", version: "v" },
      digest: createDigest(),
      input: "full",
    });
    const line = write({ type: "signal", at: 0, signal });
    expect(line).not.toMatch(/ann/);
    expect(JSON.parse(line)).toMatchObject({
      ...{ type: "signal", direction: "received", peer: "idp", event: "session-revoked", result: "fenced" },
      ...{ fences: ["f-1"], tenants: ["acme"], about: { chain: [expect.stringMatching(/^#[0-9a-f]{64}$/)] } },
    });
    const docs = readFileSync(join(root, "docs/decision-log.md"), "utf8").split("## Shared signals")[1] ?? "";
    const all = write({ type: "signal", at: 0, signal: { ...signal, err: "access_denied" } });
    for (const field of Object.keys(JSON.parse(all) as object).slice(1)) {
      if (!["type", "timestamp"].includes(field))
        expect([field, docs.includes(`\`${field}\``)]).toEqual([field, true]);
    }
  });
  test("is counted by names of closed lists", async () => {
    const metrics = createMetrics();
    metrics.signal("received", "idp", "session-revoked", "fenced");
    metrics.signal("sent", "siem", "session-revoked", "sent");
    const text = await metrics.text();
    expect(text).toMatch(
      'countersign_signals_total{transmitter="idp",event="session-revoked",result="fenced"} 1',
    );
    expect(text).toMatch(
      'countersign_signals_sent_total{receiver="siem",event="session-revoked",result="sent"} 1',
    );
  });
});
