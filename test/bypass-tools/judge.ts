/** Tries one attack, and says all that is wrong with what came of it. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import type { Attack, Send, Who } from "./attack.js";
import type { Exchange } from "./exchange.js";
import { begin, until } from "./exchange.js";
import type { Lab } from "./lab.js";
import { canary, credential } from "./lab.js";
import { isOwn, wrongRequests } from "./requests.js";
import type { Got } from "./upstream.js";

export type Tokens = ReadonlyMap<Who, string>;

/** Who may stand in a case, with a token each. */
export async function giveTokens(lab: Lab): Promise<Tokens> {
  appendFileSync(lab.childLog, "");
  const names = ["senior", "sibling", "analyst", "contractor"] as const;
  return new Map(await Promise.all(names.map(async (name) => [name, await lab.token(name)] as const)));
}

interface Tried {
  readonly send: Send;
  readonly exchange: Exchange;
}

/** @returns nothing where the attack came to what it should */
export async function judge(lab: Lab, tokens: Tokens, attack: Attack): Promise<string[]> {
  const { upstream } = lab;
  const port = attack.hasty === true ? lab.hastyPort : lab.port;
  upstream.forget();
  writeFileSync(lab.childLog, "");
  upstream.answers = attack.answers ?? {};
  const taken = new Map<string, string>();
  const tried: Tried[] = [];
  const faults: string[] = [];
  for (const [done, step] of attack.steps.entries()) {
    upstream.clientDid = done;
    if ("pause" in step) await new Promise((resolve) => setTimeout(resolve, step.pause));
    else if ("reload" in step) await lab.reload(step.reload);
    else {
      const before = acts(lab).length;
      const exchange = begin(port, bytesOf(step, tokens, taken));
      tried.push({ send: step, exchange });
      const { beside } = step;
      if (beside === undefined) await exchange.over;
      else if (
        !(await until(() => (beside === "sent" ? acts(lab).length > before : beside.test(exchange.said()))))
      )
        faults.push(`not answered so far as it should: ${exchange.said()}`);
      if (step.leaves !== undefined) {
        await heard(step, exchange, taken);
        await new Promise((resolve) => setTimeout(resolve, step.leaves));
        exchange.leave();
      }
      for (const [name, pattern] of Object.entries(step.takes ?? {})) {
        const found = pattern.exec(exchange.said())?.[1];
        if (found === undefined) return [...faults, `nothing to take as ${name} in ${exchange.said()}`];
        taken.set(name, found);
      }
    }
  }
  upstream.clientDid = attack.steps.length;
  const expected = attack.upstream ?? [];
  const sure = expected.filter(({ maybe }) => maybe !== true);
  await until(() => acts(lab).length >= sure.length);
  for (const { send, exchange } of tried) {
    if (send.verb === "GET") {
      await heard(send, exchange, taken);
      exchange.leave();
    }
    await exchange.over;
    faults.push(...wrongAnswer(send, exchange.said(), (text) => filled(text, taken)));
  }
  const all = [...upstream.got, ...childGot(lab)];
  faults.push(...wrongRequests(lab, all, expected));
  for (const pid of readFileSync(lab.childLog, "latin1").matchAll(/^fork\t(\d+)$/gm))
    if (!(await until(() => !isRunning(Number(pid[1]))))) faults.push("what a child forked goes on");
  const bytes = upstream.bytes() + readFileSync(lab.childLog, "latin1");
  for (const secret of [...tokens.values(), canary])
    if (bytes.includes(secret)) faults.push("what is the caller's own went on");
  if (tried.some(({ exchange }) => exchange.said().includes(credential)))
    faults.push("the client got the server's credential");
  await endSessions(port, tokens, taken, attack);
  return faults;
}

/** What a stream is to say may still be on its way. */
const heard = (
  { says = [] }: Send,
  exchange: Exchange,
  taken: ReadonlyMap<string, string>,
): Promise<boolean> => until(() => says.every((text) => exchange.said().includes(filled(text, taken))));

const acts = (lab: Lab): Got[] => [...lab.upstream.got, ...childGot(lab)].filter((one) => !isOwn(one));

function childGot({ childLog }: Lab): Got[] {
  return readFileSync(childLog, "latin1")
    .split("\n")
    .filter((line) => /^ki[dn]\t/.test(line))
    .map((line) => {
      const body = line.slice(4);
      const method = (JSON.parse(body) as { method?: string }).method ?? "";
      return { server: line.slice(0, 3), verb: "line", head: [], body, method };
    });
}

function wrongAnswer(
  { status, code, says = [], never = [], path }: Send,
  said: string,
  fill: (text: string) => string,
): string[] {
  const got = Number(/^HTTP\/1\.1 ([2-5]\d\d) /.exec(said)?.[1]);
  const plain = said.replace(/(?<=\r\n\r\n|\r\n)[0-9a-f]{1,8}\r\n/g, "");
  const bytes = (text: string): string => Buffer.from(fill(text)).toString("latin1");
  return [
    got !== status && `the status at ${path} is ${got}: ${said}`,
    code !== undefined &&
      ![code, code.toUpperCase()].some((one) => said.includes(`"${one}"`)) &&
      `no ${code}: ${said}`,
    ...says.map((text) => !plain.includes(bytes(text)) && `it lacks ${text}: ${said}`),
    ...never.map((text) => plain.includes(bytes(text)) && `it holds ${text}: ${said}`),
    // what was answered was decided
    got === 200 &&
      said.includes('"result":') &&
      !/^x-countersign-decision-id: /m.test(said) &&
      !/text\/event-stream/.test(said) &&
      `not decided: ${said}`,
  ].filter((fault) => fault !== false);
}

function bytesOf(send: Send, tokens: Tokens, taken: ReadonlyMap<string, string>): Buffer {
  const { as = "senior", verb = "POST", path, head = [], body, type = "application/json", raw } = send;
  const fill = (text: string): string =>
    filled(
      text.replaceAll("{token}", () => tokens.get(as) ?? ""),
      taken,
    );
  if (raw !== undefined) return Buffer.from(fill(raw));
  const whole = body === undefined ? undefined : fill(body);
  const lines = [
    `${verb} ${path} HTTP/1.1`,
    "host: gateway",
    `authorization: Bearer ${tokens.get(as) ?? ""}`,
    ...(whole === undefined ? [] : [`content-type: ${type}`, `content-length: ${Buffer.byteLength(whole)}`]),
    `accept: ${send.accept ?? "application/json, text/event-stream"}`,
    "connection: close",
    // nothing of these may go on
    `cookie: session=${canary}`,
    `x-forwarded-user: ${canary}`,
    ...head.map(fill),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${whole ?? ""}`);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Puts what was taken where its name stands. */
function filled(text: string, taken: ReadonlyMap<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => taken.get(name) ?? whole);
}

/** What a case opened isn't the next one's. */
async function endSessions(
  port: number,
  tokens: Tokens,
  taken: ReadonlyMap<string, string>,
  { steps }: Attack,
): Promise<void> {
  for (const step of steps) {
    if (!("path" in step) || step.takes === undefined || step.body?.includes('"initialize"') !== true)
      continue;
    for (const name of Object.keys(step.takes)) {
      const head = [`mcp-session-id: {${name}}`];
      const { as = "senior", path } = step;
      await begin(port, bytesOf({ verb: "DELETE", as, path, head, status: 200 }, tokens, taken)).over;
    }
  }
}
