/** What a provider keeps for one caller, asked for by another. */
import type { Attack, Topic } from "../attack.js";
import { chat, request, wire } from "../attack.js";

const respond = (more: object = {}): string => JSON.stringify({ model: "small", input: "x", ...more });
const made = {
  as: "senior",
  send: request(respond(), { path: "/v1/responses" }).toString(),
  takes: /"id":"(resp_[\w-]+)"/,
} as const;
const unknown = { status: 404, code: "unknown_response" } as const;
const at = (method: string, behind = "", id = "{taken}"): Buffer =>
  request("", { method, path: `/v1/responses/${id}${behind}`, type: undefined });
const others = (name: string, send: Buffer): Attack => ({
  name,
  first: made,
  as: "contractor",
  send,
  ...unknown,
});
const own = (name: string, send: Buffer, method: string, behind = ""): Attack => ({
  name,
  first: made,
  send,
  status: 200,
  says: ['"id":"resp_'],
  never: ['"resp_1"'],
  upstream: [wire("", { method, path: `/v1/responses/resp_1${behind}` })],
});
const kept = (name: string, content: object, path?: string): Attack => ({
  name,
  send: request(
    path === undefined
      ? chat({ messages: [{ role: "user", content: [content] }] })
      : respond({ input: [{ role: "user", content: [content] }] }),
    path === undefined ? {} : { path },
  ),
  status: 400,
  code: "invalid_request",
});

export const stored: readonly Topic[] = [
  {
    title: "stored responses of another tenant",
    then: "404 `unknown_response`",
    attacks: [
      others("read", at("GET")),
      others("deleted", at("DELETE")),
      others("cancelled", at("POST", "/cancel")),
      others(
        "gone on from",
        request(respond({ previous_response_id: "{taken}" }), { path: "/v1/responses" }),
      ),
      others(
        "an item of it named",
        request(respond({ input: [{ type: "item_reference", id: "{taken}" }] }), { path: "/v1/responses" }),
      ),
      { name: "by a colleague", first: made, as: "analyst", send: at("GET"), ...unknown },
      { name: "by the provider's own id", send: at("GET", "", "resp_1"), ...unknown },
      { name: "by an id that was changed", first: made, send: at("GET", "", "{taken}A"), ...unknown },
      {
        name: "by an id of another kind",
        first: made,
        send: request(respond({ previous_response_id: "msg_{taken}" }), { path: "/v1/responses" }),
        ...unknown,
      },
      own("one's own, read", at("GET"), "GET"),
      own("one's own, cancelled", at("POST", "/cancel"), "POST", "/cancel"),
    ],
  },
  {
    title: "files and the like that a provider keeps",
    then: "refused: nobody here gave their names out",
    attacks: [
      kept("a file", { type: "file", file: { file_id: "file-1" } }),
      {
        name: "a file, its name escaped",
        send: request(
          '{"model":"small","messages":[{"role":"user","content":[{"file":{"file\\u005fid":"f"}}]}]}',
        ),
        status: 400,
        code: "invalid_request",
      },
      kept("an image", { type: "input_image", file_id: "file-1" }, "/v1/responses"),
      kept("deeper within", { type: "x", a: [{ b: { container_id: "c" } }] }),
    ],
  },
];
