/** Any model server by a table: method and path say what a request is, and where the resource is named. */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import type { Json, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { isObject, refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { TableLine } from "../config.js";
import { readRouteBody, readValue } from "../read-body.js";
import type { Attempting, ServerAttempt } from "./attempt.js";
import { asItIs, textsOf } from "./attempt.js";
import type { Serving } from "./serve.js";

const idForm = /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,255}$/;

export async function attemptListed(
  { route, method, segments }: Attempting,
  { exchange: { req } }: Serving,
): Promise<ServerAttempt | Refusal> {
  const fitting = route.table.filter((line) => match(line, segments) !== undefined);
  const line = fitting.find((one) => one.method === method);
  if (line === undefined) return refuse(fitting.length === 0 ? "unknown_operation" : "method_not_allowed");
  const named = match(line, segments) ?? {};
  const body = await readRouteBody(req, { body: "facts", maxBody: route.maxBody });
  if (body.kind === "refusal") return body;
  let sent: JsonObject | Buffer | "none" = Buffer.isBuffer(body.send) ? body.send : "none";
  let value: Json | undefined;
  if (Buffer.isBuffer(body.send) && body.facts["type"] === "application/json") {
    const read = readValue(body.send);
    if (read.kind === "refusal") return read;
    ({ value } = read);
    sent = isObject(value) ? value : Buffer.from(stringifyJson(value));
  }
  const id =
    line.idPointer === undefined
      ? (line.id ?? "").replace(/\{(\w+)\}/g, (_whole, name: string) => named[name] ?? "")
      : at(value, line.idPointer);
  if (typeof id !== "string" || !idForm.test(id))
    return refuse("invalid_request", "the request doesn't name its resource plainly");
  const { type: mediaType } = body.facts;
  return {
    kind: "attempt",
    calls: [
      {
        kind: line.type === "model" ? "model" : "route",
        action: {
          name: line.action,
          properties: { phase: "request", method, path: `/${segments.join("/")}`, body: body.facts },
        },
        resource: { type: line.type, id, properties: route.facts },
      },
    ],
    ...(sent === "none"
      ? {}
      : {
          prompt: {
            bytes: Buffer.isBuffer(sent) ? sent.byteLength : (body.facts["bytes"] ?? 0),
            sha256: body.facts["sha256"] ?? createHash("sha256").digest("hex"),
          },
        }),
    texts: saysOf(value, sent, mediaType),
    obligations: [],
    body: asItIs(sent),
    // INVARIANT: what was read as JSON in UTF-8 is sent as such, whatever its charset said
    ...(value === undefined && typeof mediaType === "string"
      ? { contentType: body.headers["content-type"] ?? mediaType }
      : {}),
    method,
    // the segments were plain, or had one spelling each: this is the path that was asked for
    path: `/${segments.map(encodeURIComponent).join("/")}`.replaceAll("%3A", ":").replaceAll("%40", "@"),
    answer: { kind: "raw" },
    model: id,
    offered: [],
  };
}

/** What detectors read: INVARIANT: a text is read as one whatever type it is said to be, for its server may not look at that. */
function saysOf(
  value: Json | undefined,
  sent: JsonObject | Buffer | "none",
  mediaType: Json | undefined,
): JsonObject {
  if (value !== undefined || !Buffer.isBuffer(sent)) return textsOf(value);
  if (isUtf8(sent) && !sent.includes(0)) return textsOf(sent.toString());
  const source = typeof mediaType === "string" ? { media_type: mediaType } : {};
  return { messages: [{ role: "user", content: [{ type: "file", source }] }] };
}

/** Gives what stood for each name; undefined where the path isn't the line's. */
function match(line: TableLine, segments: readonly string[]): Record<string, string> | undefined {
  if (line.segments.length !== segments.length) return undefined;
  const named: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [i, part] of line.segments.entries()) {
    const segment = segments[i] ?? "";
    const [, name, suffix = ""] = /^\{(\w+)\}(:\w+)?$/.exec(part) ?? [];
    if (name !== undefined) {
      const value = suffix === "" ? segment : segment.slice(0, -suffix.length);
      if (value + suffix !== segment || !/^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/.test(value)) return undefined;
      named[name] = value;
    } else if (part !== segment) return undefined;
  }
  return named;
}

function at(value: Json | undefined, pointer: readonly string[]): Json | undefined {
  return pointer.reduce<Json | undefined>((here, part) => {
    if (Array.isArray(here)) return /^(?:0|[1-9][0-9]{0,8})$/.test(part) ? here[Number(part)] : undefined;
    return isObject(here) && Object.hasOwn(here, part) ? here[part] : undefined;
  }, value);
}
