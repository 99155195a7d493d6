import { load, CORE_SCHEMA } from "js-yaml";
import { parseJson, stringifyJson } from "../../../contract.js";
import type { Reply } from "./http-exchange.js";
import type { Headers } from "./http-headers.js";
import { headerOf } from "./http-headers.js";

/** Reads YAML and writes it as JSON; undefined where it can't be read. */
export type YamlToJson = (text: string) => string | undefined;

/** Deeper bodies are as unreadable ones. */
const depth = 1_000;
const parameter = /\s*;\s*[\w!#$&^.+-]+=(?:[\w!#$&^.+-]+|"(?:[^"\\]|\\.)*")/y;

/**
 * Writes a response as a Rego value, as `opa_value_parse` reads it: `{status, status_code, body, raw_body, headers}`.
 * A body that can't be decoded is null. Source: OPA, topdown/http.go, prepareASTResult.
 */
export function responseText(
  { status, statusCode, headers, body }: Reply,
  force: { readonly json: boolean; readonly yaml: boolean },
  yaml: YamlToJson,
): string {
  const raw = body.toString("utf8");
  const type = headerOf(headers, "content-type");
  let decoded: string | undefined;
  if (force.json || isJson(type)) decoded = jsonOf(raw);
  else if (force.yaml || /application\/(?:x-)?yaml/.test(type)) decoded = yaml(raw);
  return [
    `{"status":${JSON.stringify(status)},"status_code":${statusCode},"body":${decoded ?? "null"}`,
    `"raw_body":${JSON.stringify(raw)},"headers":${headersText(headers)}}`,
  ].join(",");
}

function headersText(headers: Headers): string {
  const lists = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const list = lists.get(name.toLowerCase()) ?? [];
    list.push(value);
    lists.set(name.toLowerCase(), list);
  }
  return `{${[...lists].map(([name, list]) => `${JSON.stringify(name)}:${JSON.stringify(list)}`).join(",")}}`;
}

function jsonOf(text: string): string | undefined {
  try {
    return stringifyJson(parseJson(text, { lenient: true, depth }));
  } catch {
    return undefined;
  }
}

/** Tells `application/json` and `application/…+json`, parameters well-formed (Go's `mime.ParseMediaType`). */
function isJson(type: string): boolean {
  const media = /^\s*application\/(?:[\w!#$&^.+-]+\+)?json(?=\s*(?:;|$))/i.exec(type);
  if (media === null) return false;
  let at = media[0].length;
  for (;;) {
    parameter.lastIndex = at;
    if (!parameter.test(type)) return /^\s*;?\s*$/.test(type.slice(at));
    at = parameter.lastIndex;
  }
}

/**
 * Reads YAML 1.2 (core schema) with a bound on what aliases make of it.
 * @param maxBytes of the JSON text
 */
export function createYamlToJson(maxBytes: number): YamlToJson {
  return (text) => {
    try {
      let left = maxBytes;
      const write = (value: unknown): string => {
        if (Array.isArray(value)) return spend(`[${value.map(write).join(",")}]`);
        if (typeof value === "object" && value !== null) {
          const members = Object.entries(value).map(
            ([key, member]) => `${spend(JSON.stringify(key))}:${write(member)}`,
          );
          return `{${members.join(",")}}`;
        }
        if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError("no JSON number");
        if (typeof value === "string") return spend(JSON.stringify(value.toWellFormed()));
        return spend(JSON.stringify(value) ?? "null");
      };
      const spend = (part: string): string => {
        left -= part.length;
        if (left < 0) throw new RangeError("too large");
        return part;
      };
      return write(load(text, { schema: CORE_SCHEMA, json: true }));
    } catch {
      return undefined;
    }
  };
}
