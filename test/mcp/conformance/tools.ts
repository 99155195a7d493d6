/** The tools that the conformance tool's scenarios call; its descriptions of scenarios say what each must give. */
import type { Answer, Values } from "./ask.js";
import { asking, form, image, Refused, roots, sample, stepOf, text, words } from "./ask.js";

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));
const wav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";
const nothing = { type: "object", properties: {} };
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
  linger: {
    async answer({ notify, progressToken, held }) {
      if (progressToken !== undefined) await notify("notifications/progress", { progressToken, progress: 1 });
      return text((await held()) ? "at last" : "cancelled");
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

export const listTools = (): Values[] =>
  Object.entries(tools).map(([key, { inputSchema = nothing }]) => ({
    name: key,
    description: `gives what the scenarios of ${key} expect`,
    inputSchema,
  }));
