/** The prompts and resources that the conformance tool's scenarios want, and what their servers say that they can do. */
import type { Answer, Values } from "./ask.js";
import { asking, form, image, png, Refused, words } from "./ask.js";

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
