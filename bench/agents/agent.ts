/** An agent as one would write it: the official clients, its task's token carried, each step timed. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import OpenAI from "openai";
import type { Doors } from "./stage.js";

export interface Outcome {
  readonly allowed: boolean;
  /** What it got. */
  readonly text: string;
  /** Reason codes of a denial. */
  readonly codes: readonly string[];
  /** Calls that a model wants. */
  readonly calls?: readonly { readonly name: string; readonly arguments: string }[];
}

export interface Step {
  readonly does: string;
  readonly milliseconds: number;
  readonly outcome: Outcome;
}

export interface AgentParts {
  readonly doors: Doors;
  /** The caller's access token, or the provider's key where there is no gateway. */
  readonly bearer: string;
  readonly task?: string | undefined;
  readonly onStep?: (step: Step) => void;
  readonly onRequest?: () => void;
}

export interface Plan {
  readonly purpose?: string;
  readonly scopes?: readonly string[];
}

const header = "x-countersign-task";
const meta = "countersign/task";

/** One agent with sessions of its own. */
export class Agent {
  /** The newest token; deleting it is what a good agent doesn't do. */
  task: string | undefined;
  /** More headers for all that goes by HTTP. */
  hints: Record<string, string> = {};
  private readonly openai: OpenAI;
  private readonly sessions = new Map<string, Promise<Client>>();

  constructor(readonly parts: AgentParts) {
    this.task = parts.task;
    this.openai = new OpenAI({
      ...{ baseURL: parts.doors.models, apiKey: parts.bearer, maxRetries: 0, timeout: 60_000 },
      fetch: (url, init) => this.fetch(String(url), init),
    });
  }

  page = (url: string): Promise<Outcome> => this.tool("web", "read_page", { url });
  search = (query: string): Promise<Outcome> => this.tool("search", "web_search", { query });
  inbox = (): Promise<Outcome> => this.tool("mail", "get_inbox", {});
  send = (to: string, subject: string, body: string): Promise<Outcome> =>
    this.tool("mail", "send_email", { to, subject, body });
  read = (path: string): Promise<Outcome> => this.tool("files", "read_file", { path });
  write = (path: string, content: string): Promise<Outcome> =>
    this.tool("files", "write_file", { path, content });
  run = (line: string): Promise<Outcome> => this.tool("ops", "run_command", { command: line });

  /** Calls a tool by MCP; the session is opened before the clock starts. */
  async tool(server: string, name: string, args: Record<string, string>): Promise<Outcome> {
    // one that can't be had is the call's own denial
    const client = await this.session(server).catch((error: unknown) => {
      this.sessions.delete(server);
      return error as Error;
    });
    return this.timed(`${server}/${name}`, async () => {
      if (!(client instanceof Client)) throw client;
      const task = this.task;
      const result = await client.callTool({
        ...{ name, arguments: args },
        ...(task === undefined ? {} : { _meta: { [meta]: task } }),
      });
      const given = result._meta?.[meta];
      if (typeof given === "string") this.task = given;
      const text = JSON.stringify(result.content);
      // a refusal within a result is one, too
      return result.isError === true && text.includes("countersign") ? denial(text) : allowed(text);
    });
  }

  ask(
    model: string,
    content: unknown,
    stream = false,
    tools?: readonly string[],
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Outcome> {
    return this.timed(`model/${model}`, async () => {
      const asked = {
        ...more,
        model,
        messages: [{ role: "user" as const, content: content as string }],
        ...(tools === undefined
          ? {}
          : {
              tools: tools.map((name) => ({
                type: "function" as const,
                function: { name, parameters: { type: "object", properties: {} } },
              })),
            }),
      };
      if (!stream) {
        const { choices } = await this.openai.chat.completions.create(asked);
        return allowed(choices[0]?.message.content ?? "");
      }
      let text = "";
      const calls: { name: string; arguments: string }[] = [];
      for await (const { choices } of await this.openai.chat.completions.create({ ...asked, stream: true })) {
        const delta = choices[0]?.delta;
        text += delta?.content ?? "";
        for (const { index, function: call } of delta?.tool_calls ?? []) {
          const known = (calls[index] ??= { name: "", arguments: "" });
          known.name += call?.name ?? "";
          known.arguments += call?.arguments ?? "";
        }
      }
      return { ...allowed(text), calls };
    });
  }

  /** Has a model answer with tools that its provider runs. */
  respond(model: string, input: string, tools: readonly object[]): Promise<Outcome> {
    return this.timed(`model/${model} with hosted tools`, async () => {
      const answer = await this.openai.responses.create({ model, input, tools: tools as never });
      return allowed(JSON.stringify(answer));
    });
  }

  find(collection: string, words: string): Promise<Outcome> {
    const body = { size: 5, query: { match: { text: words } } };
    return this.http(`find/${collection}`, `${this.parts.doors.store}/${collection}/_search`, body);
  }

  put(collection: string, id: string, document: object): Promise<Outcome> {
    const url = `${this.parts.doors.store}/${collection}/_doc/${id}`;
    return this.http(`put/${collection}`, url, { created: "2026-11-02T08:00:00Z", ...document }, "PUT");
  }

  note(text: string): Promise<Outcome> {
    return this.http("note", `${this.parts.doors.notes}/api/notes`, { text });
  }

  notes(word: string): Promise<Outcome> {
    return this.http("notes", `${this.parts.doors.notes}/api/notes/${word}`, undefined, "GET");
  }

  /** Says something to another agent (A2A 1.0). */
  async tell(agent: string, text: string): Promise<Outcome> {
    const message = { messageId: "m-1", role: "ROLE_USER", parts: [{ text }] };
    const call = { jsonrpc: "2.0", id: 1, method: "SendMessage", params: { message } };
    return this.http(`agent/${agent}`, `${this.parts.doors.agents}/${agent}`, call, "POST", {
      "a2a-version": "1.0",
    });
  }

  /** Makes a task and takes it on; without a gateway there are none. */
  async begin(plan: Plan): Promise<Outcome> {
    const { gateway } = this.parts.doors;
    if (gateway === undefined) return allowed("");
    const made = await this.http("begin", `${gateway}/v1/tasks`, plan);
    if (made.allowed) this.task = (JSON.parse(made.text) as { token: string }).token;
    return made;
  }

  async close(): Promise<void> {
    for (const session of this.sessions.values())
      await session.then((client) => client.close()).catch(() => undefined);
  }

  private session(server: string): Promise<Client> {
    const known = this.sessions.get(server);
    if (known !== undefined) return known;
    const opened = (async () => {
      const client = new Client({ name: "agent", version: "1.0.0" });
      const transport = new StreamableHTTPClientTransport(new URL(`${this.parts.doors.tools}/${server}`), {
        requestInit: { headers: { authorization: `Bearer ${this.parts.bearer}` } },
        fetch: (url, init) => this.fetch(String(url), init),
      });
      await client.connect(transport as Transport);
      return client;
    })();
    this.sessions.set(server, opened);
    return opened;
  }

  private http(
    does: string,
    url: string,
    body: unknown,
    method = "POST",
    more: Record<string, string> = {},
  ): Promise<Outcome> {
    return this.timed(does, async () => {
      const response = await this.fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${this.parts.bearer}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...more,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return response.ok && !/^\{"jsonrpc":"2.0","id":1,"error"/.test(text) ? allowed(text) : denial(text);
    });
  }

  /** Carries the task's token in a header, and takes the one that comes back. */
  private async fetch(url: string, init: RequestInit | undefined): Promise<Response> {
    const headers = new Headers(init?.headers);
    const body = typeof init?.body === "string" ? init.body : "";
    // a message of MCP that carries it needs no header
    if (this.task !== undefined && !body.includes(meta)) headers.set(header, this.task);
    for (const [name, value] of Object.entries(this.hints)) headers.set(name, value);
    this.parts.onRequest?.();
    const response = await fetch(url, { ...init, headers });
    const given = response.headers.get(header);
    if (given !== null && !url.endsWith("/v1/tasks")) this.task = given;
    return response;
  }

  private async timed(does: string, act: () => Promise<Outcome>): Promise<Outcome> {
    const from = performance.now();
    const outcome = await act().catch((error: unknown) => denial(wordsOf(error)));
    this.parts.onStep?.({ does, milliseconds: performance.now() - from, outcome });
    return outcome;
  }
}

function allowed(text: string): Outcome {
  return { allowed: true, text, codes: [] };
}

function denial(text: string): Outcome {
  const said = text.replace(/\s|\\/g, "");
  const codes = [
    ...said.matchAll(/"(?:code|reason)":"([a-z_]+)"/g),
    ...said.matchAll(/[[,]([a-z_]+)(?=[;,][^[\]]*decision)/g),
  ].map(([, code = ""]) => code);
  return { allowed: false, text, codes: codes.length > 0 ? [...new Set(codes)] : [text.slice(0, 160)] };
}

/** Client libraries keep what a server said in places of their own. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { data, error: body } = error as { data?: unknown; error?: unknown };
  return `${JSON.stringify(body ?? data ?? {})} ${error.message}`;
}
