/** Reads a parameter of an operation: where it stands, and in which form. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { credentialHeaders, isObject } from "../../../sidecar/contract.js";
import type { Bundle } from "./bundle.js";
import type { Parameter, Style } from "./operation.js";
import { OpenApiRefused } from "./parse-document.js";
import type { Shape } from "./shape.js";
import { shapeOf } from "./shape.js";

export interface DeclaredParameter {
  readonly parameter: Omit<Parameter, "key">;
  readonly required: boolean;
  readonly schema: JsonObject;
}

/** Headers that are somebody else's to write: credentials, the connection's own, and what makes a request another. */
const neverHeader =
  /^(?:accept|accept-encoding|cookie|set-cookie|host|origin|forwarded|via|te|trailer|upgrade|connection|keep-alive|expect|content-.*|transfer-encoding|proxy-.*|sec-.*|x-forwarded-.*|x-real-ip|x-http-method.*|x-method-override|x-original-.*|x-rewrite-.*|x-countersign-.*|mcp-.*|api-key|x-request-id|date|range|if-range)$/;
const headerName = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** Names that are the same to whoever reads a query. */
const pairName = /^[^&=;#[\]\u0000-\u0020\u007f]{1,128}$/;

/** JSON has types of its own. */
const jsonShape: Shape = { kind: "scalar", types: new Set() };

const styles: Readonly<Record<Parameter["in"], readonly Style[]>> = {
  path: ["simple"],
  header: ["simple"],
  query: ["form", "spaceDelimited", "pipeDelimited", "deepObject"],
};

/**
 * Reads a parameter.
 * @returns undefined where it isn't sent, and needn't be: cookies, and headers that aren't a caller's to write
 * @throws OpenApiRefused where it can't be sent, and must be
 */
export function readParameter(declared: JsonObject, bundle: Bundle): DeclaredParameter | undefined {
  const { name: given, in: place, required = false, content } = declared;
  if (typeof given !== "string") throw new OpenApiRefused("a parameter has no name");
  if (place === "cookie" || (place === "header" && isReserved(given))) {
    // these three are said elsewhere (section 4.8.12.2.1)
    const elsewhere = ["accept", "content-type", "authorization"].includes(given.toLowerCase());
    if (required !== true || (place === "header" && elsewhere)) return undefined;
    throw new OpenApiRefused("a cookie, or a header that isn't a caller's to write, is required");
  }
  if (place !== "path" && place !== "query" && place !== "header")
    throw new OpenApiRefused("a parameter stands where there is no place");
  const name = place === "header" ? given.toLowerCase() : given;
  const form = place === "header" ? headerName : pairName;
  if (!form.test(name) || name === "__proto__") throw new OpenApiRefused("a parameter's name can't be sent");
  const first = place === "query" ? "form" : "simple";
  const style = content === undefined ? (declared["style"] ?? first) : "json";
  const schema = bundle.add(content === undefined ? declared["schema"] : jsonIn(content), "closed");
  if (style !== "json" && !styles[place].includes(style as Style))
    throw new OpenApiRefused("a parameter's style isn't known here");
  const explode = typeof declared["explode"] === "boolean" ? declared["explode"] : style === "form";
  if (explode && (style === "spaceDelimited" || style === "pipeDelimited"))
    throw new OpenApiRefused("a parameter's style can't be exploded");
  const shape = style === "json" ? jsonShape : shapeOf(schema, bundle.defs);
  if (style === "deepObject" ? shape.kind !== "object" : shape.kind === "object")
    throw new OpenApiRefused("a parameter's style doesn't go with what it is");
  const parameter: DeclaredParameter["parameter"] = {
    name,
    in: place,
    style: style as Style,
    explode,
    shape,
  };
  return { parameter, required: place === "path" || required === true, schema: described(schema, declared) };
}

function isReserved(name: string): boolean {
  const lower = name.toLowerCase();
  return neverHeader.test(lower) || (credentialHeaders as readonly string[]).includes(lower);
}

/** The schema of a parameter that is JSON. */
function jsonIn(content: Json): Json | undefined {
  const media =
    isObject(content) && Object.keys(content).length === 1 ? content["application/json"] : undefined;
  if (!isObject(media)) throw new OpenApiRefused("a parameter's content isn't JSON");
  return media["schema"] ?? {};
}

function described(schema: JsonObject, { description }: JsonObject): JsonObject {
  return typeof description === "string" && schema["description"] === undefined
    ? { description, ...schema }
    : schema;
}
