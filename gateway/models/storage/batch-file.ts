/** The file of a batch (JSON Lines): read line by line, decided, written anew. Source: OpenAI API reference, "Batch". */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Refusal } from "../../../sidecar/contract.js";
import { isObject, JsonRefused, parseJson, refuse, stringifyJson } from "../../../sidecar/contract.js";
import type { ModelConfig } from "../../config.js";
import type { BatchUrl, DecidedLines, Line } from "./lines.js";
import { kinds, readLine } from "./lines.js";

export interface BatchFile {
  readonly kind: "batch";
  readonly url: BatchUrl;
  readonly model: string;
  readonly lines: readonly Line[];
}

/** How much is read before others get their turn. */
const linesAtOnce = 64;
const names = ["body", "custom_id", "method", "url"];

/** Reads a file of requests: of one URL and one model, as the provider wants it. */
export async function readBatchFile(
  bytes: Buffer,
  models: ReadonlyMap<string, ModelConfig>,
  mostLines: number,
): Promise<BatchFile | Refusal> {
  const lines: Line[] = [];
  const ids = new Set<string>();
  let url: BatchUrl | undefined;
  let from = 0;
  while (from < bytes.length) {
    const at = `line ${lines.length + 1}`;
    // others get their turn
    if (lines.length % linesAtOnce === linesAtOnce - 1) await setImmediate();
    if (lines.length >= mostLines) return refuse("body_too_large", `at most ${mostLines} lines`);
    const newline = bytes.indexOf(0x0a, from);
    const end = newline === -1 ? bytes.length : newline;
    let value;
    try {
      value = parseJson(bytes.subarray(from, end));
    } catch (error) {
      return refuse(error instanceof JsonRefused ? error.code : "invalid_json", at);
    }
    from = end + 1;
    if (!isObject(value) || Object.keys(value).sort().join() !== names.join())
      return refuse("invalid_request", `${at}: custom_id, method, url and body, and nothing else`);
    const { method, url: said } = value;
    if (
      method !== "POST" ||
      typeof said !== "string" ||
      !Object.hasOwn(kinds, said) ||
      said === "/v1/messages"
    )
      return refuse("invalid_request", `${at}: method and url`);
    if (url !== undefined && said !== url) return refuse("invalid_request", `${at}: another url`);
    url = said as BatchUrl;
    const line = readLine(url, value["custom_id"], value["body"], models);
    if (line.kind === "refusal") return { ...line, message: `${line.message} (${at})` };
    if (ids.has(line.customId)) return refuse("invalid_request", `${at}: custom_id stands twice`);
    ids.add(line.customId);
    if (line.asks.model !== lines[0]?.asks.model && lines.length > 0)
      return refuse("invalid_request", `${at}: another model`);
    lines.push(line);
  }
  const [first] = lines;
  if (first === undefined || url === undefined) return refuse("invalid_request", "a batch without requests");
  return { kind: "batch", url, model: first.asks.model, lines };
}

/** Writes the lines as they were decided, for the model's name at the upstream. */
export function writeBatchFile(
  url: BatchUrl,
  { lines }: DecidedLines,
  model: string,
): { readonly bytes: Buffer; readonly digest: string } {
  const text = lines.map(({ customId, body }) => {
    const line = { custom_id: customId, method: "POST", url, body: { ...body, model } };
    return `${stringifyJson(line)}\n`;
  });
  const bytes = Buffer.from(text.join(""));
  return { bytes, digest: createHash("sha256").update(bytes).digest("base64url") };
}
