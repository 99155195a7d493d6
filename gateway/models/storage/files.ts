/** OpenAI's files: each belongs to who brought it. Source: OpenAI API reference, "Files". */
import type { ActionName, JsonObject, Refusal } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import type { UpstreamConfig } from "../../config.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { bringsBody, drain } from "../../http.js";
import { openai } from "../openai.js";
import type { Upload, UploadedFile, UploadShape } from "../operations/read-upload.js";
import { readUpload } from "../operations/read-upload.js";
import { sizesOf } from "../operations/upload.js";
import { writeMultipart } from "../operations/write-multipart.js";
import { refuseIn } from "../refuse.js";
import type { BatchFile } from "./batch-file.js";
import { readBatchFile, writeBatchFile } from "./batch-file.js";
import { decide, storageCall } from "./decide.js";
import type { About } from "./ids.js";
import { giveId, ownId, takeId } from "./ids.js";
import type { DecidedLines } from "./lines.js";
import { decideLines } from "./lines.js";
import { passResults } from "./results.js";
import { ask } from "./send.js";

const shape: UploadShape = {
  fields: { purpose: "text", "expires_after[anchor]": "text", "expires_after[seconds]": "number" },
  required: ["purpose"],
  files: ["file"],
  streams: true,
};
const purposes = ["assistants", "batch", "user_data", "vision", "evals", "fine-tune"];
const say = refuseIn(openai);

/** The configured account; a refusal where there is none. */
export function accountOf({ config }: GatewayParts): { name: string; config: UpstreamConfig } | Refusal {
  const { storage } = config;
  const upstream = storage && config.upstreams.get(storage.upstream);
  if (storage === undefined || upstream === undefined) return refuse("storage_not_configured");
  return { name: storage.upstream, config: upstream };
}

export const pathOf = ({ url }: UpstreamConfig, path: string): string =>
  `${url.pathname === "/" ? "/v1" : ""}/${path}`;

/** Serves `POST /v1/files`. */
export async function createFile(parts: GatewayParts, exchange: Exchange): Promise<void> {
  const upstream = accountOf(parts);
  if ("kind" in upstream) return say(exchange, upstream);
  const { maxBytes, heldBytes, batchBytes } = parts.config.uploads;
  // the file of a batch is held whole
  const limits = { maxBytes, heldBytes: Math.max(heldBytes, batchBytes) };
  const upload = await readUpload(exchange.req, shape, limits);
  const wrong = upload.kind === "refusal" ? upload : wrongFile(upload);
  if (wrong !== undefined || upload.kind === "refusal") {
    await drain(exchange.req);
    return say(exchange, wrong ?? refuse("invalid_request"));
  }
  const [file] = upload.files;
  const purpose = String(upload.body["purpose"]);
  if (file === undefined) return say(exchange, refuse("invalid_request", "file is missing"));
  const { type = "" } = file;
  const properties = { purpose, types: [type.split(";", 1)[0] ?? ""] };
  if (purpose === "batch") return createBatchFile(parts, exchange, upload, file, properties);
  const prompt = sizesOf(upload);
  const content = await parts.describeContent?.({
    messages: [{ role: "user", content: [{ type: "file", source: { media_type: type } }] }],
  });
  const call = storageCall(parts, "file.create", { ...properties, ...prompt });
  const allowed = await decide(parts, exchange, {
    ...{ speaker: openai, calls: [call], upstream, prompt, content },
  });
  if (allowed === undefined) return;
  const about: About = { what: "file", purpose };
  const written = writeMultipart(upload.body, upload.files);
  return ask(
    parts,
    exchange,
    allowed,
    { method: "POST", path: pathOf(upstream.config, "files"), ...written, wrong: upload.wrong },
    { kind: "object", bind: (said) => ({ ...said, id: giveId(said["id"], about, allowed.bound) }) },
  );
}

function wrongFile({ body, files }: Upload): Refusal | undefined {
  const { purpose } = body;
  if (typeof purpose !== "string" || !purposes.includes(purpose)) return refuse("invalid_request", "purpose");
  const large = purpose === "batch" && files.some(({ rest }) => rest !== undefined);
  return large ? refuse("body_too_large", "the file of a batch") : undefined;
}

async function createBatchFile(
  parts: GatewayParts,
  exchange: Exchange,
  upload: Upload,
  file: UploadedFile,
  properties: JsonObject,
): Promise<void> {
  const upstream = accountOf(parts);
  if ("kind" in upstream) return say(exchange, upstream);
  const { models, uploads } = parts.config;
  const batch = await readBatchFile(file.held, models, uploads.batchLines);
  if (batch.kind === "refusal") return say(exchange, batch);
  const decided = await decideLines(parts, exchange, batch.url, batch.lines);
  if (decided.kind === "refusal") return say(exchange, decided, decided.decision);
  const model = targetOf(decided, batch, upstream.name);
  if (model === undefined) {
    decided.end("denied", 400);
    return say(exchange, refuse("untranslatable", "the model isn't where batches are kept"));
  }
  const { bytes, digest } = writeBatchFile(batch.url, decided, model);
  const prompt = { lines: batch.lines.length, bytes: bytes.length, sha256: digest };
  const estimate = decided.estimates.get(batch.model) ?? {};
  const about: About = { what: "input", url: batch.url, model: batch.model, digest, estimate };
  const call = storageCall(parts, "file.create", {
    ...{ ...properties, lines: batch.lines.length, model: batch.model, url: batch.url, bytes: bytes.length },
  });
  const allowed = await decide(parts, exchange, { speaker: openai, calls: [call], upstream, prompt });
  if (allowed === undefined) return decided.end("denied", 403);
  const written = writeMultipart(upload.body, [{ ...file, held: bytes }]);
  await ask(
    parts,
    exchange,
    allowed,
    { method: "POST", path: pathOf(upstream.config, "files"), ...written },
    { kind: "object", bind: (said) => ({ ...said, id: giveId(said["id"], about, allowed.bound) }) },
  );
  const { statusCode } = exchange.res;
  // each batch of it counts
  decided.end(statusCode < 300 ? "forwarded" : "upstream_error", statusCode);
}

/** The model's name at the account, where each line may go there. */
function targetOf({ lines }: DecidedLines, { model }: BatchFile, account: string): string | undefined {
  const there = lines.map(({ candidates }) => candidates.find(({ upstream }) => upstream === account));
  const names = new Set(there.map((one) => one && (one.upstreamModel ?? model)));
  const [name] = names;
  return names.size === 1 ? name : undefined;
}

export const fileActions = {
  read: { action: "file.read", method: "GET", behind: "" },
  content: { action: "file.content", method: "GET", behind: "/content" },
  delete: { action: "file.delete", method: "DELETE", behind: "" },
} as const satisfies Record<string, { action: ActionName; method: string; behind: string }>;
export type FileAction = keyof typeof fileActions;

/** Serves `GET` and `DELETE /v1/files/{id}`, `GET /v1/files/{id}/content`. */
export async function serveFile(
  parts: GatewayParts,
  exchange: Exchange,
  what: FileAction,
  sealed: string,
): Promise<void> {
  const { action, method, behind } = fileActions[what];
  const upstream = accountOf(parts);
  if ("kind" in upstream) return say(exchange, upstream);
  if (bringsBody(exchange.req)) return say(exchange, refuse("invalid_request", "it takes no body"));
  const known = takeId(sealed, "file", "input", "output");
  if (known === undefined) return say(exchange, refuse("unknown_file"));
  const { about } = known;
  const properties =
    about.what === "file" ? { purpose: about.purpose } : { purpose: "batch", model: about.model };
  const call = storageCall(parts, action, { ...properties, kind: about.what });
  const allowed = await decide(parts, exchange, { speaker: openai, calls: [call], upstream });
  if (allowed === undefined) return;
  const id = ownId(known, allowed.bound);
  if (id === undefined) return allowed.refuse(refuse("unknown_file"), "denied");
  const asked = { method, path: pathOf(upstream.config, `files/${id}${behind}`) };
  if (what !== "content") {
    return ask(parts, exchange, allowed, asked, {
      kind: "object",
      bind: (said) => ({ ...said, id: giveId(said["id"], about, allowed.bound) }),
    });
  }
  const { url, model } = about.what === "output" ? about : { url: undefined, model: "" };
  return ask(parts, exchange, allowed, asked, {
    kind: "stream",
    pass: (body) => (url === undefined ? body : passResults(parts, exchange, url, () => model, body)),
  });
}
