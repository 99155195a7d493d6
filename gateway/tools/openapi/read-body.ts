/** Reads what an operation takes and gives beside parameters. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";
import type { Bundle } from "./bundle.js";
import type { Body } from "./operation.js";
import { OpenApiRefused } from "./parse-document.js";
import { follow } from "./refs.js";
import type { Shape } from "./shape.js";
import { shapeOf } from "./shape.js";

export const formType = "application/x-www-form-urlencoded";
const jsonType = /^application\/(?:[a-z0-9.-]+\+)?json$/;

export function isJsonType(media: string): boolean {
  return jsonType.test(media);
}

/** Gives the media type of a key of `content`, lower-case, without parameters. */
export function mediaOf(key: string): string {
  return (key.split(";", 1)[0] ?? "").trim().toLowerCase();
}

/**
 * Reads a request body.
 * @throws OpenApiRefused where none of its forms is JSON, or a form of texts
 */
export function readBody(
  document: JsonObject,
  given: Json,
  bundle: Bundle,
): { readonly body: Omit<Body, "key">; readonly schema: JsonObject } {
  const declared = follow(document, given);
  const required = declared["required"] === true;
  const content = isObject(declared["content"]) ? declared["content"] : {};
  const keys = Object.keys(content);
  const key =
    keys.find((one) => mediaOf(one) === "application/json") ??
    keys.find((one) => isJsonType(mediaOf(one))) ??
    keys.find((one) => mediaOf(one) === formType);
  if (key === undefined) throw new OpenApiRefused("its body is neither JSON nor a form of texts");
  const media = follow(document, content[key]);
  const contentType = mediaOf(key);
  const schema = bundle.add(media["schema"] ?? true, "closed");
  if (contentType !== formType) return { body: { required, contentType }, schema };
  const shape: Shape = shapeOf(schema, bundle.defs);
  if (shape.kind !== "object") throw new OpenApiRefused("its form isn't an object");
  if (isObject(media["encoding"]) && Object.keys(media["encoding"]).length > 0)
    throw new OpenApiRefused("its form has an encoding of its own");
  return { body: { required, contentType, form: shape.members }, schema };
}

/** What is declared of the answers to an operation. */
export interface Answers {
  readonly accept: string;
  readonly declared: (status: number) => ReadonlySet<string>;
  /** Of all that is a success, where that is one object. */
  readonly object: Json | undefined;
}

const nothing: ReadonlySet<string> = new Set();

/** Reads the responses of an operation. */
export function readAnswers(document: JsonObject, responses: Json | undefined): Answers {
  const media = new Map<string, ReadonlySet<string>>();
  const schemas: (Json | undefined)[] = [];
  const accept = new Set<string>();
  for (const [status, response] of Object.entries(isObject(responses) ? responses : {})) {
    if (!/^(?:[1-5][0-9]{2}|[1-5]XX|default)$/.test(status)) continue;
    const { content } = follow(document, response);
    const types = Object.keys(isObject(content) ? content : {});
    media.set(status, new Set(types.map(mediaOf)));
    if (!status.startsWith("2")) continue;
    for (const type of types) accept.add(mediaOf(type));
    const [only] = types;
    const json = types.length === 1 && only !== undefined && isJsonType(mediaOf(only));
    const one = json && isObject(content) ? content[only] : undefined;
    schemas.push(isObject(one) ? one["schema"] : undefined);
  }
  const [object] = schemas.length === 1 ? schemas : [];
  const accepted = [...accept].filter((type) => /^[a-z0-9.+*-]+\/[a-z0-9.+*-]+$/.test(type));
  return {
    accept: [...new Set(["application/json", ...accepted])].join(", "),
    declared: (status) =>
      media.get(String(status)) ??
      media.get(`${String(Math.floor(status / 100))}XX`) ??
      media.get("default") ??
      nothing,
    object,
  };
}
