/** Targets that a server behind could take for another route. */
import type { Attack, Topic } from "../attack.js";
import { chat, request, wire } from "../attack.js";

const forbidden = chat({ model: "forbidden-model" });
const no = { status: 404, code: "unknown_route" } as const;
const at = (path: string): Attack => ({
  name: path.replaceAll(/[^!-~]/g, "?"),
  send: request(forbidden, { path }),
  ...no,
});
const method = (name: string, path = "/v1/chat/completions"): Attack => ({
  name: `${name} ${path}`,
  send: request("", { method: name, path, type: undefined }),
  status: 405,
  code: "method_not_allowed",
});

export const paths: readonly Topic[] = [
  {
    title: "paths that aren't a route to the letter",
    then: "404 `unknown_route`: a target isn't decoded, cut or tidied up",
    attacks: [
      ...[
        "/v1/chat%2Fcompletions",
        "/v1/chat/c%6fmpletions",
        "/%76%31/chat/completions",
        "/v1/chat/completions%00",
        "/v1/chat/completions%20",
      ],
      ...[
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/v1/chat//completions",
        "/v1/chat/completions/",
        "/v1/chat/completions//",
      ],
      ...[
        "/./v1/chat/completions",
        "/v1/./chat/completions",
        "/v1/x/../chat/completions",
        "/v1/models/../chat/completions",
        "/v1/chat/completions/..",
      ],
      ...[
        "/v1/%2e%2e/v1/chat/completions",
        "/v1/models/%2e%2e%2fchat%2fcompletions",
        "/v1/..;/chat/completions",
        "/v1/chat/completions;x=1",
      ],
      ...[
        "/V1/chat/completions",
        "/v1/Chat/Completions",
        "/v1/CHAT/COMPLETIONS",
        "/v1\\chat\\completions",
        "/v1/chat/completions\\",
      ],
      ...[
        "/v1/chat/completions?model=forbidden-model",
        "/v1/chat/completions?",
        "/v1/chat/completions#x",
        "/v1/chat/completions.json",
      ],
      ...[
        "/openai/v1/chat/completions",
        "/v1/engines/forbidden-model/completions",
        "/openai/deployments/forbidden-model/chat/completions",
      ],
      ...[
        "http://gateway/v1/chat/completions",
        "http://127.0.0.1:1/v1/chat/completions",
        "http://gateway:80/v1/chat/completions",
      ],
      ...[
        "/v1/assistants",
        "/v1/fine_tuning/jobs",
        "/v1/decisions",
        "/v1/data",
        "/metrics",
        "/../health",
        "/v1beta/models/gem-forbidden:generateContent/",
        "/v1/responses/../models",
      ],
    ].map(at),
  },
  {
    title: "methods, and headers that would change them",
    then: "405 `method_not_allowed`; such headers aren't looked at, nor passed on",
    attacks: [
      ...["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"].map((name) => method(name)),
      method("POST", "/v1/models"),
      { ...method("HEAD"), code: undefined as never, name: "HEAD" },
      ...[
        "x-http-method-override: DELETE",
        "x-method-override: GET",
        "x-http-method: PUT",
        "x-original-method: DELETE",
      ].map((line): Attack => ({
        name: line,
        send: request(chat(), { head: [line] }),
        status: 200,
        upstream: [wire(chat())],
      })),
      ...[
        "x-original-url: /v1/models",
        "x-rewrite-url: /health",
        "x-forwarded-path: /health",
        "x-envoy-original-path: /health",
      ].map((line): Attack => ({
        name: line,
        send: request(forbidden, { head: [line] }),
        status: 403,
        code: "forbidden",
      })),
      {
        name: "CONNECT",
        send: "CONNECT 169.254.169.254:80 HTTP/1.1\r\nhost: 169.254.169.254\r\nauthorization: Bearer {token}\r\n\r\n",
        status: [],
      },
      { name: "TRACE", send: request("", { method: "TRACE", type: undefined }), status: 405 },
      {
        name: "a target of no form",
        send: request(forbidden, { path: "http:/v1/chat/completions" }),
        status: 400,
      },
      {
        name: "a target beyond ASCII",
        send: request(forbidden, { path: "/v1/chat/\u00e7ompletions" }),
        status: 400,
      },
      { name: "a method that is none", send: request(chat(), { method: "post" }), status: 400 },
      { name: "an invented method", send: request(chat(), { method: "EVIL" }), status: 400 },
    ],
  },
].map((topic) => ({
  ...topic,
  attacks: topic.attacks.map((attack) => {
    const { code, ...others } = attack;
    return code === undefined ? others : { ...others, code };
  }),
}));
