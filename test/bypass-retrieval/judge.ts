/** Tries one case: what the client gets, and all that the store got. */
import { isDeepStrictEqual } from "node:util";
import { documents } from "./attack.js";
import type { Attack } from "./attack.js";
import type { Lab } from "./lab.js";
import { answerBy, canary, credential, isAddress } from "./lab.js";

export type Tokens = Readonly<Record<"caller" | "stranger", string>>;

export async function giveTokens(lab: Lab): Promise<Tokens> {
  return { caller: await lab.token("caller"), stranger: await lab.token("stranger") };
}

/** Says what isn't as it should be. */
export async function judge(lab: Lab, tokens: Tokens, attack: Attack): Promise<string[]> {
  const faults: string[] = [];
  const { upstream } = lab;
  upstream.received.length = 0;
  answerBy(upstream, attack);
  const { store, method, path, body, type = "application/json", headers = {} } = attack;
  const url = store === "neutral" ? lab.url + path : `${lab.url}/stores/${store}${path}`;
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${tokens.caller}`,
      "x-canary": canary,
      ...(body === undefined ? {} : { "content-type": type }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status !== attack.status) faults.push(`status ${response.status}: ${text.slice(0, 300)}`);
  if (attack.code !== undefined && !text.includes(attack.code))
    faults.push(`no ${attack.code}: ${text.slice(0, 300)}`);
  const given = Object.entries(documents).flatMap(([id, { note }]) =>
    text.includes(id) || text.includes(String(note)) ? [id] : [],
  );
  if (!isDeepStrictEqual(given, attack.gives ?? [])) faults.push(`gives ${given.join(", ")}`);
  for (const never of ["pin-0000", "70000", credential, ...(attack.never ?? [])])
    if (text.includes(never)) faults.push(`gives ${never}`);
  const asked = upstream.received.filter(({ method: how, path: at }) => !isAddress(how, at));
  const sent = asked.map(({ method: how, path: at, body: what }) => ({
    method: how,
    path: at.replace(`/${store === "neutral" ? "qdrant" : store}`, ""),
    ...(what === "" ? {} : { body: read(what) }),
  }));
  if (!isDeepStrictEqual(sent, [...attack.sent])) faults.push(`sent ${JSON.stringify(sent)}`);
  const received = JSON.stringify(upstream.received);
  for (const secret of [tokens.caller, canary])
    if (received.includes(secret)) faults.push("a secret was sent on");
  return faults;
}

/** JSON, lines of it, or the text. */
function read(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const lines = text.split("\n").filter((line) => line !== "");
    try {
      return lines.map((line) => JSON.parse(line) as unknown);
    } catch {
      return text;
    }
  }
}
