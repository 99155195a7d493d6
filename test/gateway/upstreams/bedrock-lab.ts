/** A Bedrock that verifies each signature, with its own reading of AWS's rules, and writes frames byte by byte. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { ServerResponse } from "node:http";
import { crc32 } from "node:zlib";
import type { Received } from "../world.js";

export const accessKey = "AKIATESTTESTTESTTEST";
export const secretKey = "canary-secret/9vC+example";
export const region = "eu-central-1";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** RFC 3986's unreserved stay, everything else is escaped; of what came over the wire, once more. */
const escape = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte) => {
      const c = String.fromCharCode(byte);
      return /[A-Za-z0-9\-._~/]/.test(c) ? c : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");

/** Tells why a request isn't signed as it must be; undefined where it is. */
export function faultOf({ method, path, headers, body }: Received, session?: string): string | undefined {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([A-Z0-9]+)\/(\d{8})\/([a-z0-9-]+)\/bedrock\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/;
  const [, key, day = "", place, names = "", signature = ""] = form.exec(headers.authorization ?? "") ?? [];
  if (key !== accessKey || place !== region) return "credential";
  const signed = names.split(";");
  const must = [
    "content-type",
    "host",
    "x-amz-date",
    ...(session === undefined ? [] : ["x-amz-security-token"]),
  ];
  if (must.some((name) => !signed.includes(name))) return "signed headers";
  if (headers["x-amz-security-token"] !== session) return "session";
  const date = String(headers["x-amz-date"]);
  const at = Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (!date.startsWith(day) || !(Math.abs(Date.now() - at) < 300_000)) return "date";
  const [pathname = "", query = ""] = path.split("?");
  const canonical = [
    ...[method, escape(pathname), query],
    ...signed.map((name) => `${name}:${String(headers[name]).trim()}`),
    ...["", names, sha256(body)],
  ].join("\n");
  const scope = `${day}/${region}/bedrock/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n");
  const derived = [day, region, "bedrock", "aws4_request"].reduce<Buffer>(
    (last, part) => hmac(last, part),
    Buffer.from(`AWS4${secretKey}`),
  );
  return timingSafeEqual(hmac(derived, text), Buffer.from(signature, "hex")) ? undefined : "signature";
}

/** Writes one frame: lengths, checksum of both, headers of text, payload, checksum of all. */
export function frame(headers: Readonly<Record<string, string>>, payload: string | Buffer): Buffer {
  const head = Buffer.concat(
    Object.entries(headers).map(([name, value]) => {
      const [n, v] = [Buffer.from(name), Buffer.from(value)];
      return Buffer.concat([Buffer.from([n.length]), n, Buffer.from([7, v.length >> 8, v.length & 0xff]), v]);
    }),
  );
  const body = Buffer.from(payload);
  const out = Buffer.alloc(16 + head.length + body.length);
  out.writeUInt32BE(out.length, 0);
  out.writeUInt32BE(head.length, 4);
  out.writeUInt32BE(crc32(out.subarray(0, 8)), 8);
  head.copy(out, 12);
  body.copy(out, 12 + head.length);
  out.writeUInt32BE(crc32(out.subarray(0, -4)), out.length - 4);
  return out;
}

export const event = (type: string, value: unknown): Buffer =>
  frame(
    { ":event-type": type, ":content-type": "application/json", ":message-type": "event" },
    JSON.stringify(value),
  );
/** One event of Anthropic's stream, as InvokeModelWithResponseStream carries it. */
export const chunk = (value: unknown): Buffer =>
  event("chunk", {
    bytes: Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64"),
    p: "abcdefgh",
  });
export const exception = (type: string, message: string): Buffer =>
  frame(
    { ":exception-type": type, ":content-type": "application/json", ":message-type": "exception" },
    JSON.stringify({ message }),
  );

export const streamOf = (res: ServerResponse, frames: readonly Buffer[], type?: string): void => {
  res.writeHead(200, {
    "content-type": type ?? "application/vnd.amazon.eventstream",
    "x-amzn-requestid": "req-1",
  });
  for (const one of frames) res.write(one);
  res.end();
};

const usage = { input_tokens: 11, output_tokens: 1 };
/** A message that says something and calls a tool. */
export const messageEvents: readonly unknown[] = [
  {
    type: "message_start",
    message: {
      ...{ id: "msg_bdrk_1", type: "message", role: "assistant", model: "claude", content: [] },
      ...{ stop_reason: null, stop_sequence: null, usage },
    },
  },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Let me " } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "look." } },
  { type: "content_block_stop", index: 0 },
  {
    type: "content_block_start",
    index: 1,
    content_block: { type: "tool_use", id: "toolu_1", name: "weather", input: {} },
  },
  { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: '{"city":' } },
  { type: "content_block_delta", index: 1, delta: { type: "input_json_delta", partial_json: '"Bern"}' } },
  { type: "content_block_stop", index: 1 },
  {
    type: "message_delta",
    delta: { stop_reason: "tool_use", stop_sequence: null },
    usage: { output_tokens: 9 },
  },
  { type: "message_stop", "amazon-bedrock-invocationMetrics": { inputTokenCount: 11, outputTokenCount: 9 } },
];

export const message = {
  ...{ id: "msg_bdrk_1", type: "message", role: "assistant", model: "claude" },
  content: [{ type: "text", text: "hello" }],
  ...{ stop_reason: "end_turn", stop_sequence: null, usage: { input_tokens: 3, output_tokens: 2 } },
};

/** The same as messageEvents in Converse's words: text begins without saying so. */
export const converseFrames: readonly Buffer[] = [
  event("messageStart", { role: "assistant", p: "ab" }),
  event("contentBlockDelta", { contentBlockIndex: 0, delta: { text: "Let me " } }),
  event("contentBlockDelta", { contentBlockIndex: 0, delta: { text: "look." } }),
  event("contentBlockStop", { contentBlockIndex: 0 }),
  event("contentBlockStart", {
    contentBlockIndex: 1,
    start: { toolUse: { toolUseId: "tooluse_1", name: "weather" } },
  }),
  event("contentBlockDelta", { contentBlockIndex: 1, delta: { toolUse: { input: '{"city":' } } }),
  event("contentBlockDelta", { contentBlockIndex: 1, delta: { toolUse: { input: '"Bern"}' } } }),
  event("contentBlockStop", { contentBlockIndex: 1 }),
  event("messageStop", { stopReason: "tool_use" }),
  event("metadata", {
    usage: { inputTokens: 11, outputTokens: 9, totalTokens: 20 },
    metrics: { latencyMs: 5 },
  }),
];

export const converseAnswer = {
  output: { message: { role: "assistant", content: [{ text: "hello" }] } },
  stopReason: "end_turn",
  usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 },
  metrics: { latencyMs: 5 },
};
