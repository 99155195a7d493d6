/** A client of MCP that is as quick as can be: one connection, one request at a time, in either era. */
import { Client } from "undici";

export interface Caller {
  call(method: string, params: Record<string, unknown>): Promise<Answered>;
  close(): Promise<void>;
}

export interface Answered {
  readonly status: number;
  readonly result: Record<string, unknown>;
}

export type Era = "sessions" | "stateless";

const meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** Connects; with sessions, it begins one. @throws Error where an answer isn't a result */
export async function connect(origin: string, path: string, era: Era, token?: string): Promise<Caller> {
  const client = new Client(origin, { keepAliveTimeout: 60_000 });
  let ids = 0;
  const headers: Record<string, string> = {
    ...{ "content-type": "application/json", accept: "application/json, text/event-stream" },
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(era === "stateless" ? { "mcp-protocol-version": "2026-07-28" } : {}),
  };
  const send = async (message: object, more: Record<string, string> = {}) => {
    const answer = await client.request({
      ...{ path, method: "POST", headers: { ...headers, ...more } },
      body: JSON.stringify({ jsonrpc: "2.0", ...message }),
    });
    return { answer, text: await answer.body.text() };
  };
  const call: Caller["call"] = async (method, params) => {
    const stateless = era === "stateless";
    const name = params["name"];
    const { answer, text } = await send(
      { id: ++ids, method, params: stateless ? { ...params, _meta: meta } : params },
      stateless ? { "mcp-method": method, ...(typeof name === "string" ? { "mcp-name": name } : {}) } : {},
    );
    const { result } = JSON.parse(text) as { result?: Record<string, unknown> };
    if (answer.statusCode !== 200 || result === undefined)
      throw new Error(`${method}: ${answer.statusCode} ${text.slice(0, 300)}`);
    return { status: answer.statusCode, result };
  };
  if (era === "sessions") {
    const { answer, text } = await send({
      ...{ id: 0, method: "initialize" },
      params: {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "bench", version: "1" },
      },
    });
    if (answer.statusCode !== 200) throw new Error(`initialize: ${answer.statusCode} ${text.slice(0, 300)}`);
    headers["mcp-session-id"] = String(answer.headers["mcp-session-id"]);
    headers["mcp-protocol-version"] = "2025-11-25";
    await send({ method: "notifications/initialized" });
  }
  return {
    call,
    async close() {
      if (era === "sessions")
        await client.request({ path, method: "DELETE", headers }).then(({ body }) => body.dump());
      await client.close();
    },
  };
}
