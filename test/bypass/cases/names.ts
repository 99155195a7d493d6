/** Names that somebody on the way might take for another model's. */
import type { Attack, Topic } from "../attack.js";
import { chat, gem, request, wire } from "../attack.js";

const unknown = { status: 404, code: "unknown_model" } as const;
const named = (model: string): Attack => ({
  name: JSON.stringify(model),
  send: request(chat({ model })),
  ...unknown,
});
const ask = '{"contents":[{"parts":[{"text":"hi"}]}]}';
const embed = (model: string): string => `{"model":"${model}","content":{"parts":[{"text":"hi"}]}}`;

export const names: readonly Topic[] = [
  {
    title: "names that look like a forbidden model's, or lead to it",
    then: "404 `unknown_model`: only a name of the catalogue, to the letter, leads anywhere",
    attacks: [
      ...[
        "Forbidden-Model",
        "FORBIDDEN-MODEL",
        " forbidden-model",
        "forbidden-model ",
        "forbidden-model\u0000",
        "forbidden-model\n",
      ],
      ...[
        "openai/forbidden-model",
        "main/forbidden-model",
        "models/forbidden-model",
        "openrouter/openai/forbidden-model",
      ],
      ...[
        "forbidden-model:free",
        "forbidden-model@latest",
        "forbidden-model?x",
        "forbidden-model#x",
        "small,forbidden-model",
      ],
      ...[
        "small/../forbidden-model",
        "./forbidden-model",
        "forbidden%2Dmodel",
        "forbidden\u2010model",
        "forbidden\u00admodel",
      ],
      ...[
        "f\u043erbidden-model",
        "\uff46orbidden-model",
        "forbidden-model\u200b",
        "\u202eledom-neddibrof",
        "ft:forbidden-model:acme::x",
      ],
      ...["__proto__", "constructor", "toString", "", "*"],
    ].map(named),
  },
  {
    title: "a model in the path and another in the body",
    then: "refused: a body may name the path's model only",
    attacks: [
      {
        name: "a model in Gemini's body",
        send: request(`{"model":"models/gem-forbidden",${ask.slice(1)}`, {
          path: "/v1beta/models/gem-small:generateContent",
        }),
        status: 400,
        says: ["model is missing, unknown"],
      },
      {
        name: "another model's name in what is embedded",
        send: request(embed("models/gem-forbidden"), { path: "/v1beta/models/gem-small:embedContent" }),
        status: 400,
      },
      {
        name: "one of many in a batch",
        send: request(`{"requests":[${embed("models/gem-small")},${embed("models/gem-forbidden")}]}`, {
          path: "/v1beta/models/gem-small:batchEmbedContents",
        }),
        status: 400,
      },
      {
        name: "the path's own",
        send: request(embed("models/gem-small"), { path: "/v1beta/models/gem-small:embedContent" }),
        status: 200,
        upstream: [wire(embed("models/gem-small"), gem("embedContent"))],
      },
      {
        name: "in the other spelling of Google's",
        send: request(ask.replace("contents", "cached_content"), {
          path: "/v1beta/models/gem-small:generateContent",
        }),
        status: 400,
      },
      {
        name: "a tuned model's place",
        send: request(ask, { path: "/v1beta/tunedModels/gem-small:generateContent" }),
        status: 404,
      },
    ],
  },
];
