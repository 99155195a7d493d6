/** Reads a request of the route into arguments, all of it: what isn't an argument isn't there, or is refused by name. */
import type { IncomingMessage } from "node:http";
import type { Json, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { credentialHeaders, JsonRefused, parseJson, refuse } from "../../../sidecar/contract.js";
import { bringsBody, readBytes } from "../../http.js";
import type { Target } from "../../routes/normalise.js";
import { readForm } from "./build-request.js";
import { readArguments, shown } from "./find-operation.js";
import type { Body, Operation } from "./operation.js";

/** What clients and proxies say of themselves and of their connection: never sent on, and no argument. */
const ofTheWay =
  /^(?:accept(?:-.*)?|baggage|cache-control|cdn-.*|cf-.*|connection|content-(?:length|type|encoding)|cookie|dnt|expect|forwarded|host|keep-alive|origin|pragma|priority|referer|sec-.*|te|traceparent|tracestate|trailer|transfer-encoding|true-client-ip|upgrade-insecure-requests|user-agent|via|x-amzn?-.*|x-b3-.*|x-client-.*|x-cloud-trace-context|x-correlation-id|x-envoy-.*|x-forwarded-.*|x-real-ip|x-request-id|x-requested-with)$/;

export interface ReadParts {
  readonly maxBody: number;
  /** Headers that policy sees as claims. */
  readonly claimedHeaders: readonly string[];
}

/** Reads the arguments of an operation. */
export async function readRequest(
  { maxBody, claimedHeaders }: ReadParts,
  req: IncomingMessage,
  operation: Operation,
  { values, query }: { readonly values: ReadonlyMap<string, string>; readonly query: Target["query"] },
): Promise<{ readonly kind: "arguments"; readonly args: JsonObject } | Refusal> {
  const headers = readHeaders(req, operation, claimedHeaders);
  if (!(headers instanceof Map)) return headers;
  const read = readArguments(operation, { values, query, headers });
  if (read.kind === "refusal") return read;
  const body = await readBody(req, operation.body, maxBody);
  if (body?.kind === "refusal") return body;
  if (body !== undefined && operation.body !== undefined) read.args[operation.body.key] = body.value;
  return read;
}

/** Gives the headers that are declared. INVARIANT: one that isn't, and could mean something, is refused. */
function readHeaders(
  { rawHeaders }: IncomingMessage,
  { parameters }: Operation,
  claimed: readonly string[],
): Map<string, string> | Refusal {
  const declared = new Set(parameters.filter((one) => one.in === "header").map(({ name }) => name));
  const ignored = new Set<string>([...credentialHeaders, ...claimed]);
  const headers = new Map<string, string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? "").toLowerCase();
    if (!declared.has(name)) {
      if (ignored.has(name) || ofTheWay.test(name)) continue;
      return refuse("invalid_arguments", `the header ${shown(name)} is not known`);
    }
    if (headers.has(name)) return refuse("invalid_arguments", `the header ${name} is given twice`);
    headers.set(name, rawHeaders[i + 1] ?? "");
  }
  return headers;
}

type BodyValue = { readonly kind: "value"; readonly value: Json } | Refusal | undefined;

async function readBody(req: IncomingMessage, body: Body | undefined, maxBody: number): Promise<BodyValue> {
  const type = req.headers["content-type"];
  // whether one is required is the schema's to say
  if (!bringsBody(req)) return undefined;
  if (body === undefined) return refuse("invalid_request", "the operation takes no body");
  const [, media = "", charset = "utf-8"] =
    /^([\w.+/-]{1,128})\s{0,16}(?:;\s{0,16}charset="?([\w-]{1,32})"?\s{0,16})?$/i.exec(type ?? "") ?? [];
  if (media.toLowerCase() !== body.contentType || charset.toLowerCase() !== "utf-8")
    return refuse("unsupported_media_type", `send ${body.contentType}`);
  const bytes = await readBytes(req, maxBody);
  if (!Buffer.isBuffer(bytes)) return bytes;
  if (body.form !== undefined) {
    const form = readForm(bytes.toString("latin1"), body.form);
    return form.kind === "refusal" ? form : { kind: "value", value: form.value };
  }
  try {
    return { kind: "value", value: parseJson(bytes) };
  } catch (error) {
    if (!(error instanceof JsonRefused)) throw error;
    return refuse(error.code, error.offset < 0 ? undefined : `offset ${error.offset}`);
  }
}
