/** The official clients of both lines, unmodified, behind one form. */
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";

export interface CallOptions {
  readonly onprogress?: (said: { progress: number }) => void;
  readonly signal?: AbortSignal;
  readonly logs?: boolean;
}

/** What is done with a client, in either line's words. */
export interface Used {
  readonly version: string;
  readonly modern: boolean;
  tools(): Promise<string[]>;
  resources(): Promise<string[]>;
  templates(): Promise<string[]>;
  prompts(): Promise<string[]>;
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<unknown>;
  read(uri: string): Promise<unknown>;
  prompt(name: string, args?: Record<string, string>): Promise<unknown>;
  complete(value: string): Promise<unknown>;
  /** Wants to hear of a resource and of the list of tools. */
  listen(uri: string): Promise<void>;
  /** What it heard of its own accord: methods of notifications, and what is in them. */
  readonly heard: string[];
  close(): Promise<void>;
}

const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } };
const who = { name: "test", version: "1" };
const sampled = {
  ...{ role: "assistant" as const, model: "none" },
  content: { type: "text" as const, text: "Paris" },
};
/** Fills a form in, as far as it must be. */
const elicited = ({ params }: { params: object }) => {
  const { requestedSchema } = params as { requestedSchema: { required?: string[] } };
  const content = Object.fromEntries((requestedSchema.required ?? []).map((field) => [field, "Alice"]));
  return { action: "accept" as const, content };
};
const roots = { roots: [{ uri: "file:///work", name: "work" }] };
const names = (list: readonly { readonly name: string }[]): string[] => list.map(({ name }) => name);
const addressed = (url: string, token?: string): [URL, object] => [
  new URL(url),
  token === undefined ? {} : { requestInit: { headers: { authorization: `Bearer ${token}` } } },
];

/** Connects a client of the v1 line. */
export async function connectV1(url: string, token?: string): Promise<Used> {
  const client = new ClientV1(who, { capabilities });
  const heard: string[] = [];
  client.setRequestHandler(CreateMessageRequestSchema, () => sampled);
  client.setRequestHandler(ElicitRequestSchema, elicited);
  client.setRequestHandler(ListRootsRequestSchema, () => roots);
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    heard.push(`log ${String(params.data)}`);
  });
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    heard.push(`updated ${params.uri}`);
  });
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
    heard.push("tools");
  });
  const transport = new TransportV1(...addressed(url, token));
  // the SDK's own types disagree under exactOptionalPropertyTypes
  await client.connect(transport as Transport);
  return {
    ...{ version: transport.protocolVersion ?? "", modern: false, heard },
    tools: async () => names((await client.listTools()).tools),
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    templates: async () => names((await client.listResourceTemplates()).resourceTemplates),
    prompts: async () => names((await client.listPrompts()).prompts),
    async call(name, args = {}, { logs = false, ...options } = {}) {
      if (logs) await client.setLoggingLevel("info");
      return client.callTool({ name, arguments: args }, undefined, options);
    },
    read: (uri) => client.readResource({ uri }),
    prompt: (name, args = {}) => client.getPrompt({ name, arguments: args }),
    complete: (value) => client.complete(completion(value)),
    async listen(uri) {
      await client.subscribeResource({ uri });
    },
    async close() {
      await transport.terminateSession();
      await client.close();
    },
  };
}

/** Connects a client of the v2 line, which finds the era out or is told it. */
export async function connectV2(url: string, mode: "auto" | { pin: string }, token?: string): Promise<Used> {
  const client = new ClientV2(who, { capabilities, versionNegotiation: { mode } });
  const heard: string[] = [];
  client.setRequestHandler("sampling/createMessage", () => sampled);
  client.setRequestHandler("elicitation/create", elicited);
  client.setRequestHandler("roots/list", () => roots);
  client.setNotificationHandler("notifications/message", ({ params }) => {
    heard.push(`log ${String(params.data)}`);
  });
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
    heard.push(`updated ${params.uri}`);
  });
  client.setNotificationHandler("notifications/tools/list_changed", () => {
    heard.push("tools");
  });
  await client.connect(new TransportV2(...addressed(url, token)));
  const modern = client.getProtocolEra() === "modern";
  return {
    ...{ version: client.getNegotiatedProtocolVersion() ?? "", modern, heard },
    tools: async () => names((await client.listTools()).tools),
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    templates: async () => names((await client.listResourceTemplates()).resourceTemplates),
    prompts: async () => names((await client.listPrompts()).prompts),
    async call(name, args = {}, { logs = false, ...options } = {}) {
      if (logs && !modern) await client.setLoggingLevel("info");
      const _meta = logs && modern ? { _meta: { "io.modelcontextprotocol/logLevel": "info" } } : {};
      return client.callTool({ name, arguments: args, ..._meta }, options);
    },
    read: (uri) => client.readResource({ uri }),
    prompt: (name, args = {}) => client.getPrompt({ name, arguments: args }),
    complete: (value) => client.complete(completion(value)),
    async listen(uri) {
      if (modern) await client.listen({ resourceSubscriptions: [uri], toolsListChanged: true });
      else await client.subscribeResource({ uri });
    },
    close: () => client.close(),
  };
}

const completion = (value: string) => ({
  ref: { type: "ref/prompt" as const, name: "test_prompt_with_arguments" },
  argument: { name: "arg1", value },
});
