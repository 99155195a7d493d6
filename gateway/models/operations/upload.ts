/** Operations on a model that bring files: one object for each. */
import { createHash } from "node:crypto";
import type { ActionName, JsonObject } from "../../../sidecar/contract.js";
import { refuse } from "../../../sidecar/contract.js";
import { besideObligations } from "../../enforce/beside.js";
import type { Media } from "../../content/media.js";
import { knownType } from "../../content/media.js";
import { mask } from "../../enforce/mask.js";
import type { Exchange, GatewayParts } from "../../exchange.js";
import { drain } from "../../http.js";
import { routeObligations } from "../../routing/restrict.js";
import { modelProperties } from "../classify.js";
import type { Manner } from "../manner.js";
import type { ModelCall } from "../protocol.js";
import { refuseIn } from "../refuse.js";
import type { Operation } from "./operation.js";
import { pick } from "./operation.js";
import { passThrough } from "./pass-through.js";
import type { Upload, UploadShape } from "./read-upload.js";
import { readUpload } from "./read-upload.js";
import { relayRaw } from "./relay-raw.js";
import { writeMultipart } from "./write-multipart.js";

type Shared = "protocol" | "speaker" | "duties" | "words" | "headers" | "usage";

export interface UploadOperation extends Pick<Operation, Shared> {
  readonly action: ActionName;
  readonly shape: UploadShape;
  /** What policy may limit. */
  readonly parameters: readonly string[];
  path(base: URL): string;
  /** The media types of an answer that isn't JSON; absent: it is JSON, or a stream of events. */
  media?(body: JsonObject): ((type: string) => boolean) | undefined;
}

/** Serves a POST that brings files. */
export async function serveUpload(
  parts: GatewayParts,
  exchange: Exchange,
  operation: UploadOperation,
): Promise<void> {
  const { config } = parts;
  const upload = await readUpload(exchange.req, operation.shape, config.uploads);
  if (upload.kind === "refusal") {
    await drain(exchange.req);
    return refuseIn(operation.speaker)(exchange, upload);
  }
  const { model, stream } = upload.body;
  if (typeof model !== "string" || (stream !== undefined && typeof stream !== "boolean"))
    return refuseIn(operation.speaker)(exchange, refuse("invalid_request", "model is required"));
  const content = await parts.describeContent?.(upload.body, mediaOf(upload));
  const asks: ModelCall = {
    kind: "invoke",
    ...{ model, stream: stream === true, body: upload.body, prompt: sizesOf(upload) },
    ...(content === undefined ? {} : { content }),
    call: {
      kind: "model",
      action: {
        name: operation.action,
        properties: {
          ...{ phase: "request", stream: stream === true, files: upload.files.length },
          types: [...new Set(upload.files.map(({ type = "unknown" }) => type.split(";", 1)[0] ?? ""))],
          parameters: pick(upload.body, operation.parameters),
        },
      },
      resource: { type: "model", id: model, properties: modelProperties(config.models.get(model)) },
    },
  };
  const media = operation.media?.(upload.body);
  return passThrough(parts, exchange, {
    ...{ operation, asks, manner: uploadManner(operation, upload, media) },
    offered: () => [],
    ...(media === undefined ? {} : { relay: relayRaw }),
  });
}

function uploadManner(
  { protocol, duties, words, path, headers }: UploadOperation,
  { files, wrong }: Upload,
  expects: Manner<unknown>["expects"],
): Manner<undefined> {
  const once = files.some(({ rest }) => rest !== undefined);
  return {
    obligations: [...Object.keys(duties), "mask", ...besideObligations, ...routeObligations],
    ...{ duties: { ...duties, mask }, words, fallsBack: !once, once, wrong },
    answers: expects === undefined ? "responses" : undefined,
    named: (body, model) => ({ ...body, model }),
    speaks: (upstream) => upstream.protocol === protocol,
    speak(body, { deployment, upstream, name }) {
      if (upstream.protocol !== protocol) return refuse("untranslatable", "the operation");
      const written = writeMultipart({ ...body, model: deployment.upstreamModel ?? name }, files);
      const accept = body["stream"] === true ? "text/event-stream" : "*/*";
      return {
        ...{ kind: "spoken", method: "POST", path: path(upstream.url), ...written, said: undefined },
        headers: { accept, ...headers },
      };
    },
    ...(expects === undefined ? {} : { expects }),
  };
}

/** Says files as media that nobody looked into. */
function mediaOf({ files }: Upload): Media[] {
  return files.map(({ type = "", held, rest }) => ({
    ...{ role: "user", kind: type.startsWith("image/") ? "images" : "files", type: knownType(type) },
    ...(rest === undefined ? { bytes: held.length } : {}),
  }));
}

/** INVARIANT: what wasn't held wasn't measured, and nothing is said of it. */
export function sizesOf({ files }: Upload): JsonObject {
  if (files.some(({ rest }) => rest !== undefined)) return { files: files.length };
  const digest = createHash("sha256");
  for (const { held } of files) digest.update(held);
  const bytes = files.reduce((sum, { held }) => sum + held.length, 0);
  return { files: files.length, bytes, sha256: digest.digest("hex") };
}
