import type { Json, Refusal } from "../../../sidecar/contract.js";
import { JsonRefused, parseJson, refuse } from "../../../sidecar/contract.js";
import type { Exchange } from "../../exchange.js";
import { bringsBody, readBytes } from "../../http.js";
import { readTarget } from "../../routes/normalise.js";
import type { Adapter, StoreRequest } from "../adapter.js";

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;
/** Of one request, lines. */
const mostLines = 10_000;
const jsonTypes = /^application\/(?:json|vnd\.(?:elasticsearch|opensearch)\+json)$/;
const lineTypes = /^application\/(?:x-ndjson|vnd\.(?:elasticsearch|opensearch)\+x-ndjson)$/;

/** Reads a request within a store: one meaning, or none. `rest` is path and query as they came. */
export async function readStoreRequest(
  { req }: Exchange,
  rest: string,
  limit: number,
  { plainJson, plainLines, repeated = [] }: Pick<Adapter, "plainJson" | "plainLines" | "repeated">,
): Promise<StoreRequest | Refusal> {
  const method = methods.find((one) => one === req.method);
  if (method === undefined) return refuse("method_not_allowed");
  const target = readTarget(rest);
  if (target.kind === "refusal") return target;
  const single = target.query.filter(([name]) => !repeated.includes(name));
  const query = new Map(single);
  if (query.size < single.length) return refuse("path_refused", "a parameter stands twice");
  // a slash at the end is the same place to every store
  const path = target.path.replace(/(?!^)\/$/, "");
  const segments = path === "/" ? [] : path.slice(1).split("/");
  const lists = new Map(
    repeated.map((name) => [name, target.query.flatMap(([one, value]) => (one === name ? [value] : []))]),
  );
  const said = { kind: "request", method, segments, query, lists, headers: req.headers } as const;
  if (!bringsBody(req)) return { ...said, body: undefined, form: "none" };
  const [type = "", ...parameters] = (req.headers["content-type"] ?? "").toLowerCase().split(";");
  const charset = parameters.map((one) => one.trim()).find((one) => one.startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) return refuse("unsupported_media_type");
  const plain = type.trim() === "text/plain";
  const json = jsonTypes.test(type.trim()) || (plainJson === true && plain);
  const lines = lineTypes.test(type.trim()) || (plainLines === true && plain);
  const form = json ? "json" : lines ? "ndjson" : undefined;
  if (form === undefined) return refuse("unsupported_media_type");
  const bytes = await readBytes(req, limit);
  if (!Buffer.isBuffer(bytes)) return bytes;
  if (bytes.length === 0) return { ...said, body: undefined, form: "none" };
  try {
    return { ...said, form, body: form === "json" ? parseJson(bytes) : parseLines(bytes) };
  } catch (error) {
    if (error instanceof JsonRefused) return refuse(error.code);
    return refuse("invalid_json");
  }
}

/** @throws JsonRefused where a line is no JSON, or there are too many */
function parseLines(bytes: Buffer): Json[] {
  const out: Json[] = [];
  let from = 0;
  while (from < bytes.length) {
    const at = bytes.indexOf(10, from);
    const end = at < 0 ? bytes.length : at;
    const line = bytes.subarray(from, end);
    from = end + 1;
    // an empty line says nothing
    if (line.length === 0 || (line.length === 1 && line[0] === 13)) continue;
    if (out.length >= mostLines) throw new JsonRefused("invalid_json", "too many lines", -1);
    out.push(parseJson(line));
  }
  return out;
}
