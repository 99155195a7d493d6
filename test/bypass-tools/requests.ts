/** Holds what servers got against what they may get, to the byte. */
import type { Expected } from "./attack.js";
import type { Lab } from "./lab.js";
import { credential } from "./lab.js";
import type { Got } from "./upstream.js";
import { plain, stateless } from "./upstream.js";

const caps = String.raw`\{(?:"(?:sampling|elicitation|roots)":\{(?:"(?:context|tools|form|url|listChanged)":(?:\{\}|true),?)*\},?)*\}`;
const holes: Readonly<Record<string, string>> = {
  id: String.raw`(?:\d+|"[\w-]+")`,
  uuid: '"[0-9a-f-]{36}"',
  number: String.raw`\d+`,
  word: String.raw`[\w-]+`,
  caps,
};

/** Whether a body is what is expected, whatever stands in its holes. */
function fits(expected: string, body: string): boolean {
  const pattern = expected
    .split(/(\{(?:id|uuid|caps|number|word)\})/)
    .map((part) => holes[/^\{(\w+)\}$/.exec(part)?.[1] ?? ""] ?? part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
    .join("");
  return new RegExp(`^${pattern}$`).test(body);
}

const info = '"clientInfo":{"name":"countersign","version":"1"}';
const told = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"countersign","version":"1"},"io.modelcontextprotocol/clientCapabilities":{caps}}`;
const request = (method: string, params: string): string =>
  `{"jsonrpc":"2.0","id":{id},"method":"${method}","params":${params}}`;

/** What the gateway says for itself, in all forms that it has. */
const own: Readonly<Record<string, readonly string[]>> = {
  initialize: [request("initialize", `{"protocolVersion":"2025-11-25","capabilities":{caps},${info}}`)],
  "notifications/initialized": [
    '{"jsonrpc":"2.0","method":"notifications/initialized"}',
    '{"jsonrpc":"2.0","method":"notifications/initialized","params":{}}',
  ],
  "server/discover": [request("server/discover", `{${told}}`)],
  "tools/list": [
    request("tools/list", "{}"),
    request("tools/list", '{"cursor":"{word}"}'),
    request("tools/list", `{${told}}`),
  ],
  "subscriptions/listen": [
    request(
      "subscriptions/listen",
      `{"notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true,"resourceSubscriptions":[]},${told}}`,
    ),
  ],
};

export const isOwn = ({ server, verb, method }: Got): boolean =>
  !plain.has(server) && (verb === "GET" || verb === "DELETE" || own[method ?? ""] !== undefined);

/** @returns what is wrong with what servers got */
export function wrongRequests(lab: Lab, got: readonly Got[], expected: readonly Expected[]): string[] {
  const faults: string[] = [];
  const left = [...expected];
  for (const one of got) {
    if (isOwn(one)) {
      const fit =
        one.method === undefined ? one.body === "" : own[one.method]?.some((body) => fits(body, one.body));
      if (fit !== true) faults.push(`the server ${one.server} got ${one.body}`);
      if (one.verb !== "line") faults.push(...wrongHead(lab, one, []));
      continue;
    }
    const at = left.findIndex(
      ({ server, body, line = one.head[0] }) =>
        server === one.server && line === one.head[0] && fits(body, one.body),
    );
    const [found] = at < 0 ? [] : left.splice(at, 1);
    if (found === undefined) faults.push(`the server ${one.server} got ${one.body}`);
    else if (found.line !== undefined) faults.push(...wrongPlainHead(lab, one, found));
    else if (one.verb !== "line") faults.push(...wrongHead(lab, one, found.head ?? []));
  }
  for (const { server, body } of left.filter(({ maybe }) => maybe !== true))
    faults.push(`the server ${server} didn't get ${body}`);
  return faults;
}

function wrongPlainHead(
  { upstream }: Lab,
  { server, body, head }: Got,
  { line = "", head: more = [] }: Expected,
): string[] {
  const lines = [
    ...[line, `host: 127.0.0.1:${upstream.port}`, "connection: keep-alive", "accept-encoding: identity"],
    `authorization: Bearer ${credential}`,
    ...(body === "" ? [] : ["content-type: application/json", `content-length: ${body.length}`]),
    ...more,
  ];
  const fit = JSON.stringify([...head].sort()) === JSON.stringify(lines.sort());
  return fit
    ? []
    : [`the server ${server} got a head of ${JSON.stringify(head)}, not ${JSON.stringify(lines)}`];
}

/** INVARIANT: of a client's headers there is nothing but what is listed here. */
function wrongHead({ upstream }: Lab, one: Got, more: readonly string[]): string[] {
  const { server, verb, method, body, head } = one;
  const hasBody = verb === "POST";
  const modern = stateless.has(server) || method === "server/discover";
  const session = head.find((line) => line.startsWith("mcp-session-id: "))?.slice(16);
  const inSession = !modern && method !== "initialize";
  const lines = [
    `${verb} /${server}/mcp HTTP/1.1`,
    `host: 127.0.0.1:${upstream.port}`,
    "connection: keep-alive",
    "accept-encoding: identity",
    `authorization: Bearer ${credential}`,
    ...(verb === "DELETE" ? [] : [`accept: ${hasBody ? "application/json, " : ""}text/event-stream`]),
    ...(hasBody ? ["content-type: application/json", `content-length: ${body.length}`] : []),
    ...(modern ? ["mcp-protocol-version: 2026-07-28", `mcp-method: ${method ?? ""}`] : []),
    ...(inSession ? ["mcp-protocol-version: 2025-11-25", `mcp-session-id: ${session ?? "none"}`] : []),
    ...more,
  ];
  const isKnown = !inSession || upstream.sessions.get(server)?.has(session ?? "") === true;
  const rest = verb === "GET" ? head.filter((line) => !line.startsWith("last-event-id: ")) : head;
  const fit = isKnown && JSON.stringify([...rest].sort()) === JSON.stringify(lines.sort());
  return fit
    ? []
    : [`the server ${server} got a head of ${JSON.stringify(head)}, not ${JSON.stringify(lines)}`];
}
