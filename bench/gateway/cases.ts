/** What is asked of each system, and whether the answers are right. */
import { chatBody } from "../requests.js";
import type { Pace } from "./answers.js";
import { chunksPerStream, paceMark, plainAnswer, streamedText } from "./answers.js";
import type { Requests } from "./load.js";
import { askOnce } from "./load.js";
import type { System } from "./systems.js";

export interface Case {
  readonly name: string;
  readonly streamed: Pace | false;
  readonly connections: number;
  /** Of the round's length. */
  readonly share: number;
}

const many = 64;

export const cases: readonly Case[] = [
  { name: "plain", streamed: false, connections: many, share: 1 },
  { name: "streams", streamed: { kind: "burst" }, connections: many, share: 1 },
  { name: "streams, chunk by chunk", streamed: { kind: "each" }, connections: many, share: 1 },
  { name: "plain, one connection", streamed: false, connections: 1, share: 0.5 },
  { name: "streams, chunk by chunk, one connection", streamed: { kind: "each" }, connections: 1, share: 0.5 },
];

/** Builds a system's requests of a case; `whole.bytes` isn't known yet. */
export function requestsOf(system: System, streamed: Case["streamed"], fresh: number): Requests {
  const tokens =
    system.bearer !== undefined && "fresh" in system.bearer ? system.bearer.fresh(fresh) : undefined;
  const bearer = tokens?.[0] ?? (system.bearer as { same: string } | undefined)?.same;
  const body = chatText(streamed);
  const headers = {
    host: `127.0.0.1:${system.port}`,
    "content-type": "application/json",
    ...system.headers,
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    "content-length": String(Buffer.byteLength(body)),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const bytes = Buffer.from(`POST ${system.path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  let next = 0;
  return {
    port: system.port,
    bytes,
    whole: { done: streamed !== false },
    ...(tokens === undefined
      ? {}
      : { token: { at: bytes.indexOf(tokens[0] ?? ""), next: () => tokens[next++] } }),
  };
}

/**
 * Asks once and reads the answer as a client would.
 * @returns bytes of the body, which each further answer must have
 * @throws Error where it isn't the provider's answer: all of its text, in as many chunks
 */
export async function checkAnswer(system: System, streamed: Case["streamed"]): Promise<number> {
  const { status, body } = await askOnce(requestsOf(system, streamed, 1));
  const wrong =
    status === 200 ? (streamed === false ? faultOfPlain(body) : faultOfStream(body)) : `answered ${status}`;
  if (wrong !== undefined) throw new Error(`${system.name}: ${wrong}: ${body.slice(0, 600)}`);
  return Buffer.byteLength(body);
}

function chatText(streamed: Case["streamed"]): string {
  const body = JSON.parse(chatBody()) as { messages: { role: string; content: string }[] };
  if (streamed === false) return JSON.stringify(body);
  body.messages.push({ role: "user", content: paceMark(streamed) });
  return JSON.stringify({ ...body, stream: true });
}

interface Choices {
  readonly choices?: readonly {
    readonly message?: { readonly content?: string };
    readonly delta?: { readonly content?: string | null };
    readonly finish_reason?: string | null;
  }[];
}

function faultOfPlain(body: string): string | undefined {
  const [got, sent] = [body, plainAnswer()].map(
    (text) => (JSON.parse(text) as Choices).choices?.[0]?.message?.content,
  );
  return got === sent ? undefined : "another text than the provider's";
}

function faultOfStream(body: string): string | undefined {
  const events = body.split(/\r?\n\r?\n/).filter((event) => event.startsWith("data: "));
  if (events.at(-1) !== "data: [DONE]") return "the last event isn't [DONE]";
  const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice(6)) as Choices);
  const texts = chunks.map(({ choices }) => choices?.[0]?.delta?.content ?? "").filter((text) => text !== "");
  if (texts.join("") !== streamedText) return "another text than the provider's";
  if (texts.length !== chunksPerStream) return `${texts.length} chunks with text for ${chunksPerStream}`;
  const finish = chunks
    .map(({ choices }) => choices?.[0]?.finish_reason)
    .find((reason) => typeof reason === "string");
  return finish === "stop" ? undefined : "no finish_reason";
}
