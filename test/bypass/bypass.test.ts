/** Attempts to get past the decision: each is refused or decided, and the upstream gets these bytes and no others. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { IdentityName } from "../../demo/identities.js";
import type { Attack } from "./attack.js";
import type { Lab } from "./lab.js";
import { exchange, startLab } from "./lab.js";
import { topics } from "./topics.js";

let lab: Lab;
const tokens = new Map<IdentityName, string>();
beforeAll(async () => {
  lab = await startLab();
  for (const name of ["senior", "analyst", "contractor"] as const) tokens.set(name, await lab.token(name));
});
beforeEach(() => {
  lab.upstream.forget();
});
afterAll(() => lab.close());

const forbidden = ["forbidden-model", "claude-forbidden", "gem-forbidden"];

/** Puts tokens and what was taken into bytes, wherever they stand. */
function fill(piece: string | Buffer, as: IdentityName, taken: string): Buffer {
  const text = Buffer.from(piece).toString("latin1");
  const places = text.split("{taken}").length - 1;
  const more = places * (taken.length - "{taken}".length);
  return Buffer.from(
    text
      .replaceAll("{token}", () => tokens.get(as) ?? "")
      .replaceAll("{taken}", () => taken)
      .replace(/(?<=content-length: )\d+/, (length) => String(Number(length) + more)),
    "latin1",
  );
}

async function run(attack: Attack): Promise<string> {
  const { first, as = "senior", send, answer } = attack;
  let taken = "";
  if (first !== undefined) {
    lab.upstream.script = first.answer;
    const said = await exchange(lab.port, [fill(first.send, first.as, "")]);
    taken = first.takes.exec(said)?.[1] ?? "";
    if (taken === "") throw new Error(`nothing to take in ${said}`);
    lab.upstream.forget();
  }
  lab.upstream.script = answer;
  const pieces = Array.isArray(send) ? (send as readonly (string | Buffer | number)[]) : [send as string];
  return exchange(
    lab.port,
    pieces.map((piece) => (typeof piece === "number" ? piece : fill(piece, as, taken))),
  );
}

/** The same request, its header lines in the order of the alphabet: theirs means nothing. */
function sorted(text: string): string {
  const head = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, head).split("\r\n");
  return [first, ...lines.sort()].join("\r\n") + text.slice(head);
}

/** The bodies of chunked answers, whole. */
function plain(text: string): string {
  return text.replace(/(?<=\r\n\r\n|\r\n)[0-9a-f]{1,8}\r\n/g, (size) =>
    Number.isNaN(parseInt(size, 16)) ? size : "",
  );
}

describe.each(topics.map((topic) => ({ ...topic })))("$title", ({ attacks }) => {
  test.each(attacks.map((attack) => ({ ...attack })))("$name", async (attack) => {
    const said = await run(attack);
    const statuses = [...said.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g)].map(([, status]) => Number(status));
    const address = `127.0.0.1:${lab.upstream.port}`;
    const upstream = (attack.upstream ?? []).map((one) => one.replaceAll("{upstream}", address));
    expect(lab.upstream.received.map(sorted)).toEqual(upstream.map(sorted));
    // nothing beside whole requests
    expect(lab.upstream.bytes()).toHaveLength(upstream.join("").length);
    for (const name of forbidden) expect(lab.upstream.bytes()).not.toContain(name);
    for (const token of tokens.values()) {
      expect(lab.upstream.bytes()).not.toContain(token);
      expect(said).not.toContain(token);
    }
    expect({ statuses, said }).toEqual({ statuses: [attack.status].flat(), said });
    if (attack.code !== undefined) expect(said).toContain(`"${attack.code}"`);
    const body = plain(said);
    for (const text of attack.says ?? []) expect(body).toContain(Buffer.from(text).toString("latin1"));
    for (const text of attack.never ?? []) expect(body).not.toContain(Buffer.from(text).toString("latin1"));
    // what reached the upstream was decided
    const decisions = new Set(
      [...said.matchAll(/^x-countersign-decision-id: (.+)\r$/gm)].map(([, id]) => id),
    );
    expect(decisions.size).toBeGreaterThanOrEqual(statuses.filter((status) => status < 300).length);
  });
});

test("there are as many as were asked for", () => {
  const names = topics.flatMap(({ title, attacks }) => attacks.map(({ name }) => `${title}: ${name}`));
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(100);
});
