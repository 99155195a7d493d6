/** Tries one attack, and says all that is wrong with what came of it. */
import type { IdentityName } from "../../demo/identities.js";
import type { Attack } from "./attack.js";
import type { Lab } from "./lab.js";
import { exchange } from "./lab.js";

export type Tokens = ReadonlyMap<IdentityName, string>;

/** Who may stand in a case, with a token each. */
export async function giveTokens(lab: Lab): Promise<Tokens> {
  const names = ["senior", "analyst", "contractor"] as const;
  return new Map(await Promise.all(names.map(async (name) => [name, await lab.token(name)] as const)));
}

const forbidden = ["forbidden-model", "claude-forbidden", "gem-forbidden"];

/** @returns nothing where the attack came to what it should */
export async function judge(lab: Lab, tokens: Tokens, attack: Attack): Promise<string[]> {
  lab.upstream.forget();
  const said = await attempt(lab, tokens, attack);
  const got = lab.upstream.bytes();
  const statuses = [...said.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g)].map(([, status]) => Number(status));
  const address = `127.0.0.1:${lab.upstream.port}`;
  const upstream = (attack.upstream ?? []).map((one) => one.replaceAll("{upstream}", address));
  const received = lab.upstream.received.map(sorted);
  const body = plain(said);
  const bytes = (text: string): string => Buffer.from(text).toString("latin1");
  const decisions = new Set([...said.matchAll(/^x-countersign-decision-id: (.+)\r$/gm)].map(([, id]) => id));
  const faults: (string | false)[] = [
    !isEqual(received, upstream.map(sorted)) && `the upstream got ${JSON.stringify(received)}`,
    // nothing beside whole requests
    got.length !== upstream.join("").length && `the upstream got ${JSON.stringify(got)}`,
    ...forbidden.map((name) => got.includes(name) && `the upstream got ${name}`),
    ...[...tokens.values()].map((token) => (got + said).includes(token) && "a token went on"),
    !isEqual(statuses, [attack.status].flat()) && `the statuses are ${statuses.join()}: ${said}`,
    attack.code !== undefined && !said.includes(`"${attack.code}"`) && `no ${attack.code}: ${said}`,
    ...(attack.says ?? []).map((text) => !body.includes(bytes(text)) && `it lacks ${text}: ${said}`),
    ...(attack.never ?? []).map((text) => body.includes(bytes(text)) && `it holds ${text}: ${said}`),
    // what reached the upstream was decided
    decisions.size < statuses.filter((status) => status < 300).length && `not decided: ${said}`,
  ];
  return faults.filter((fault) => fault !== false);
}

async function attempt(lab: Lab, tokens: Tokens, attack: Attack): Promise<string> {
  const { first, as = "senior", send, answer } = attack;
  const port = attack.hasty === true ? lab.hastyPort : lab.port;
  const token = (name: IdentityName): string => tokens.get(name) ?? "";
  let taken = "";
  if (first !== undefined) {
    lab.upstream.script = first.answer;
    const said = await exchange(port, [fill(first.send, token(first.as), "")]);
    taken = first.takes.exec(said)?.[1] ?? "";
    if (taken === "") return `nothing to take in ${said}`;
    lab.upstream.forget();
  }
  lab.upstream.script = answer;
  const pieces = typeof send === "string" || Buffer.isBuffer(send) ? [send] : send;
  return exchange(
    port,
    pieces.map((piece) => (typeof piece === "number" ? piece : fill(piece, token(as), taken))),
  );
}

/** Puts a token and what was taken into bytes, wherever they stand. */
function fill(piece: string | Buffer, token: string, taken: string): Buffer {
  const text = Buffer.from(piece).toString("latin1");
  const places = text.split("{taken}").length - 1;
  const more = places * (taken.length - "{taken}".length);
  return Buffer.from(
    text
      .replaceAll("{token}", () => token)
      .replaceAll("{taken}", () => taken)
      .replace(/(?<=content-length: )\d+/, (length) => String(Number(length) + more)),
    "latin1",
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
  return text.replace(/(?<=\r\n\r\n|\r\n)[0-9a-f]{1,8}\r\n/g, "");
}

const isEqual = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  JSON.stringify(one) === JSON.stringify(other);
