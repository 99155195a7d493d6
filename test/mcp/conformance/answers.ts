/** What the conformance tool's scenarios expect of a server, as data; its descriptions of scenarios say what each must give. */
import { createHmac } from "node:crypto";

export type Values = Record<string, unknown>;

/** One request as a tool or a prompt sees it, in either era. */
export interface Asked {
  readonly args: Values;
  readonly progressToken: string | number | undefined;
  /** What the client said that it can do. */
  readonly capabilities: Values;
  readonly notify: (method: string, params: Values) => Promise<void>;
  /** Asks the client at once; absent in the era where it is asked by a result. */
  readonly ask?: (method: string, params: Values) => Promise<Values>;
  /** What the client answered, where it was asked by a result. */
  readonly answers: Values;
  readonly state: string | undefined;
  /** Has the client come back for the rest. */
  readonly closeStream: () => void;
  readonly changed: (what: "tools" | "prompts") => void;
}

/** A refusal with a code of JSON-RPC's or MCP's. */
export class Refused extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: Values,
  ) {
    super(message);
  }
}

type Answer = (asked: Asked) => Values | Promise<Values>;

interface Question {
  readonly method: string;
  readonly params: Values;
}

const text = (said: string): Values => ({ content: [{ type: "text", text: said }] });
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";
const wav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";
const image = { type: "image", data: png, mimeType: "image/png" };
const nothing = { type: "object", properties: {} };
const words = (...names: string[]): Values => ({
  type: "object",
  properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
  required: names,
});

export const form = (message: string, requestedSchema: Values): Question => ({
  method: "elicitation/create",
  params: { message, requestedSchema },
});
const sample = (prompt: string, maxTokens = 100): Question => ({
  method: "sampling/createMessage",
  params: { messages: [{ role: "user", content: { type: "text", text: prompt } }], maxTokens },
});
const roots: Question = { method: "roots/list", params: {} };

const sign = (said: string): string => `${said}.${createHmac("sha256", "test").update(said).digest("hex")}`;

/** Gives the step that a state stands for; 0 where there is none. */
function stepOf({ state }: Asked): number {
  if (state === undefined) return 0;
  const [step = ""] = state.split(".");
  if (state !== sign(step)) throw new Refused(-32602, "the state is not one of ours");
  return Number(step);
}

const isAnswer = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  ["action", "content", "roots"].some((key) => Object.hasOwn(value, key));

/** Asks the client all of it, in the words of its era, and goes on with the answers. */
async function asking(
  asked: Asked,
  questions: Readonly<Record<string, Question>>,
  then: (answers: Values) => Values,
  { step, stateful = false }: { step?: number; stateful?: boolean } = {},
): Promise<Values> {
  const { ask, answers } = asked;
  if (ask !== undefined) {
    const given: Values = {};
    for (const [key, { method, params }] of Object.entries(questions)) given[key] = await ask(method, params);
    return then(given);
  }
  const all = Object.keys(questions).every((key) => isAnswer(answers[key]));
  if (all && (!stateful || stepOf(asked) > 0)) return then(answers);
  stepOf(asked);
  const state = stateful ? { requestState: sign(String(step ?? 1)) } : {};
  return { resultType: "input_required", inputRequests: questions, ...state };
}

const said = (answers: Values): Values => text(JSON.stringify(answers));
const name = form("What is your name?", words("name"));

interface Tool {
  readonly inputSchema?: Values;
  readonly answer: Answer;
}

const enums = {
  type: "object",
  properties: {
    untitledSingle: { type: "string", enum: ["option1", "option2", "option3"] },
    titledSingle: {
      type: "string",
      oneOf: [1, 2, 3].map((n) => ({ const: `value${n}`, title: `Option ${n}` })),
    },
    legacyEnum: {
      type: "string",
      enum: ["opt1", "opt2", "opt3"],
      enumNames: ["Option One", "Option Two", "Option Three"],
    },
    untitledMulti: { type: "array", items: { type: "string", enum: ["option1", "option2", "option3"] } },
    titledMulti: {
      type: "array",
      items: { anyOf: [1, 2, 3].map((n) => ({ const: `value${n}`, title: `Choice ${n}` })) },
    },
  },
};

const defaults = {
  type: "object",
  properties: {
    name: { type: "string", default: "John Doe" },
    age: { type: "integer", default: 30 },
    score: { type: "number", default: 95.5 },
    status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
    verified: { type: "boolean", default: true },
  },
};

const outcome = ({ form: given }: Values): Values => {
  const { action, content = {} } = given as Values;
  return text(`Elicitation completed: action=${String(action)}, content=${JSON.stringify(content)}`);
};

export const tools: Readonly<Record<string, Tool>> = {
  test_simple_text: { answer: () => text("This is a simple text response for testing.") },
  test_image_content: { answer: () => ({ content: [image] }) },
  test_audio_content: {
    answer: () => ({ content: [{ type: "audio", data: wav, mimeType: "audio/wav" }] }),
  },
  test_embedded_resource: {
    answer: () => ({
      content: [
        {
          type: "resource",
          resource: {
            uri: "test://embedded-resource",
            mimeType: "text/plain",
            text: "This is an embedded resource content.",
          },
        },
      ],
    }),
  },
  test_multiple_content_types: {
    answer: () => ({
      content: [
        { type: "text", text: "Multiple content types test:" },
        image,
        {
          type: "resource",
          resource: {
            uri: "test://mixed-content-resource",
            mimeType: "application/json",
            text: '{"test":"data","value":123}',
          },
        },
      ],
    }),
  },
  test_tool_with_logging: {
    async answer({ notify }) {
      for (const step of ["started", "processing data", "completed"]) {
        await notify("notifications/message", { level: "info", data: `Tool ${step}` });
        await pause();
      }
      return text("logged");
    },
  },
  test_logging_tool: {
    async answer({ notify }) {
      await notify("notifications/message", { level: "info", data: "not asked for" });
      return text("logged");
    },
  },
  test_tool_with_progress: {
    async answer({ notify, progressToken }) {
      for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
        await notify("notifications/progress", { progressToken, progress, total: 100 });
        await pause();
      }
      return text(String(progressToken));
    },
  },
  test_error_handling: {
    answer: () => ({ ...text("This tool intentionally returns an error for testing"), isError: true }),
  },
  test_reconnection: {
    async answer({ closeStream }) {
      closeStream();
      await pause();
      return text("after the break");
    },
  },
  test_sampling: {
    inputSchema: words("prompt"),
    answer: (asked) =>
      asking(asked, { model: sample(String(asked.args["prompt"])) }, ({ model }) => {
        const { content } = model as { content: { text: string } };
        return text(`LLM response: ${content.text}`);
      }),
  },
  test_elicitation: {
    inputSchema: words("message"),
    answer: (asked) =>
      asking(asked, { form: form(String(asked.args["message"]), words("username", "email")) }, outcome),
  },
  test_elicitation_sep1034_defaults: {
    answer: (asked) => asking(asked, { form: form("Look it through", defaults) }, outcome),
  },
  test_elicitation_sep1330_enums: {
    answer: (asked) => asking(asked, { form: form("Choose", enums) }, outcome),
  },
  test_roots: { answer: (asked) => asking(asked, { roots }, said) },
  test_input_required_result_elicitation: {
    answer: (asked) =>
      asking(asked, { user_name: name }, ({ user_name: given }) => {
        const { content } = given as { content?: Values };
        return text(`Hello, ${String(content?.["name"])}!`);
      }),
  },
  test_input_required_result_sampling: {
    answer: (asked) => asking(asked, { capital_question: sample("What is the capital of France?") }, said),
  },
  test_input_required_result_list_roots: {
    answer: (asked) => asking(asked, { client_roots: roots }, said),
  },
  test_input_required_result_request_state: {
    answer: (asked) =>
      asking(
        asked,
        {
          confirm: form("Please confirm", {
            type: "object",
            properties: { ok: { type: "boolean" } },
            required: ["ok"],
          }),
        },
        () => text("state-ok"),
        { stateful: true },
      ),
  },
  test_input_required_result_multiple_inputs: {
    answer: (asked) =>
      asking(
        asked,
        { user_name: name, greeting: sample("Generate a greeting", 50), client_roots: roots },
        said,
        { stateful: true },
      ),
  },
  test_input_required_result_multi_round: {
    answer: async (asked) => {
      const first = { step1: form("Step 1: What is your name?", words("name")) };
      const second = { step2: form("Step 2: What is your favorite color?", words("color")) };
      if (asked.ask !== undefined) await asking(asked, first, said);
      else if (stepOf(asked) === 0) return asking(asked, first, said, { stateful: true, step: 1 });
      return asking(asked, second, said, { stateful: true, step: 2 });
    },
  },
  test_input_required_result_tampered_state: {
    answer: (asked) => asking(asked, { confirm: name }, said, { stateful: true }),
  },
  test_input_required_result_capabilities: {
    answer: (asked) =>
      asking(
        asked,
        {
          ...("sampling" in asked.capabilities ? { model: sample("Say something") } : {}),
          ...("elicitation" in asked.capabilities ? { who: name } : {}),
        },
        said,
      ),
  },
  test_missing_capability: {
    answer({ capabilities }) {
      if (!("sampling" in capabilities))
        throw new Refused(-32021, "sampling is needed", { requiredCapabilities: { sampling: {} } });
      return text("not missing");
    },
  },
  test_streaming_elicitation: { answer: (asked) => asking(asked, { user_name: name }, said) },
  test_trigger_tool_change: {
    answer({ changed }) {
      changed("tools");
      return text("changed");
    },
  },
  test_trigger_prompt_change: {
    answer({ changed }) {
      changed("prompts");
      return text("changed");
    },
  },
  test_headers: {
    inputSchema: {
      type: "object",
      properties: { region: { type: "string", "x-mcp-header": "Region" }, note: { type: "string" } },
      required: ["region"],
    },
    answer: ({ args }) => text(String(args["region"])),
  },
  json_schema_2020_12_tool: {
    inputSchema: {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      $defs: {
        address: {
          $anchor: "addressDef",
          type: "object",
          properties: { street: { type: "string" }, city: { type: "string" } },
        },
      },
      properties: {
        name: { type: "string" },
        address: { $ref: "#/$defs/address" },
        contactMethod: { type: "string", enum: ["phone", "email"] },
        phone: { type: "string" },
        email: { type: "string" },
      },
      allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
      if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
      then: { required: ["phone"] },
      else: { required: ["email"] },
      additionalProperties: false,
    },
    answer: ({ args }) => text(JSON.stringify(args)),
  },
};

const said2 = (content: Values): Values => ({ role: "user", content });

interface Prompt {
  readonly arguments?: readonly string[];
  readonly answer: Answer;
}

export const prompts: Readonly<Record<string, Prompt>> = {
  test_simple_prompt: {
    answer: () => ({ messages: [said2({ type: "text", text: "This is a simple prompt for testing." })] }),
  },
  test_prompt_with_arguments: {
    arguments: ["arg1", "arg2"],
    answer: ({ args: { arg1, arg2 } }) => ({
      messages: [
        said2({
          type: "text",
          text: `Prompt with arguments: arg1='${String(arg1)}', arg2='${String(arg2)}'`,
        }),
      ],
    }),
  },
  test_prompt_with_embedded_resource: {
    arguments: ["resourceUri"],
    answer: ({ args: { resourceUri } }) => ({
      messages: [
        said2({
          type: "resource",
          resource: {
            uri: resourceUri,
            mimeType: "text/plain",
            text: "Embedded resource content for testing.",
          },
        }),
        said2({ type: "text", text: "Please process the embedded resource above." }),
      ],
    }),
  },
  test_prompt_with_image: {
    answer: () => ({
      messages: [said2(image), said2({ type: "text", text: "Please analyze the image above." })],
    }),
  },
  test_input_required_result_prompt: {
    answer: (asked) =>
      asking(
        asked,
        { user_context: form("What context should the prompt use?", words("context")) },
        (answers) => ({ messages: [said2({ type: "text", text: JSON.stringify(answers) })] }),
      ),
  },
};

const binary = { uri: "test://static-binary", mimeType: "image/png", blob: png };
const texts: Readonly<Record<string, string>> = {
  "test://static-text": "This is the content of the static text resource.",
  "test://watched-resource": "Watched resource content",
};

export const resources = [
  ...Object.keys(texts).map((uri) => ({
    uri,
    name: uri.slice("test://".length),
    description: "a text",
    mimeType: "text/plain",
  })),
  { uri: binary.uri, name: "static-binary", description: "an image", mimeType: binary.mimeType },
];

export const templates = [
  {
    uriTemplate: "test://template/{id}/data",
    name: "template",
    description: "a template",
    mimeType: "application/json",
  },
];

/** @throws Refused where there is no such resource */
export function readResource(uri: string): Values {
  const found = texts[uri];
  if (found !== undefined) return { contents: [{ uri, mimeType: "text/plain", text: found }] };
  if (uri === binary.uri) return { contents: [binary] };
  const [, id] = /^test:\/\/template\/([^/]+)\/data$/.exec(uri) ?? [];
  if (id === undefined) throw new Refused(-32602, "Resource not found", { uri });
  const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
  return { contents: [{ uri, mimeType: "application/json", text: data }] };
}

export const listTools = (): Values[] =>
  Object.entries(tools).map(([key, { inputSchema = nothing }]) => ({
    name: key,
    description: `gives what the scenarios of ${key} expect`,
    inputSchema,
  }));

export const listPrompts = (): Values[] =>
  Object.entries(prompts).map(([key, one]) => ({
    name: key,
    description: `gives what the scenarios of ${key} expect`,
    arguments: (one.arguments ?? []).map((argument) => ({
      name: argument,
      description: argument,
      required: true,
    })),
  }));

export const complete = (value: string): Values => ({
  completion: { values: ["paris", "park", "party"].filter((one) => one.startsWith(value)), hasMore: false },
});

/** What both servers say that they can do. */
export const capabilities = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  completions: {},
};

/** Gives what a tool or prompt answers. @throws Refused where there is none */
export async function answerOf(
  of: Readonly<Record<string, { answer: Answer }>>,
  key: string,
  asked: Asked,
): Promise<Values> {
  const one = Object.hasOwn(of, key) ? of[key] : undefined;
  if (one === undefined) throw new Refused(-32602, "not known", { name: key });
  return one.answer(asked);
}
