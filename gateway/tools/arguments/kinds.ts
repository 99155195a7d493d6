/** Which of a tool's arguments hold commands, code, addresses or paths: `arguments` of a tool's mapping. */
import type { Fields, Json, JsonObject, Problems } from "../../../sidecar/contract.js";
import { isObject } from "../../../sidecar/contract.js";

/**
 * What an argument holds. `shell`: a line for a POSIX shell; `argv`: a list of words, or one program; `url`: an address, also
 * without a scheme; `host`: a name or an address of a network; `path`: a place in a file system.
 */
export const argumentKinds = [
  ...["shell", "argv", "url", "host", "path"],
  ...["email", "python", "javascript", "sql"],
] as const as readonly ["shell", "argv", "url", "host", "path", "email", "python", "javascript", "sql"];
export type ArgumentKind = (typeof argumentKinds)[number];

/** Places of arguments, each a list of member names in which `*` stands for any member or item, with what is there. */
export type ArgumentKinds = readonly { readonly at: readonly string[]; readonly kind: ArgumentKind }[];

const most = 64;
const deepest = 8;

/** Reads `arguments: {"/command": shell, "/urls/*": url}`: JSON pointers (RFC 6901) into the arguments. */
export function readArgumentKinds(fields: Fields, problems: Problems): ArgumentKinds | undefined {
  if (!fields.has("arguments")) return undefined;
  const value = fields.raw("arguments");
  const place = fields.at("arguments");
  if (!isObject(value)) return problems.add(place, "must be an object of JSON pointers");
  const entries = Object.entries(value);
  if (entries.length === 0 || entries.length > most) problems.add(place, `give 1 to ${most}`);
  const known = entries.map(([pointer, said]) => {
    const at = readPointer(pointer);
    if (at === undefined)
      problems.add(place, `${pointer.slice(0, 64)} is no JSON pointer to an argument, such as /command`);
    const kind = argumentKinds.find((one) => one === said);
    if (kind === undefined)
      problems.add(`${place}.${pointer.slice(0, 64)}`, `must be one of ${argumentKinds.join(", ")}`);
    return at === undefined || kind === undefined ? undefined : { at, kind };
  });
  return known.filter((one) => one !== undefined);
}

function readPointer(pointer: string): readonly string[] | undefined {
  if (!/^\/[^]/.test(pointer) || pointer.length > 256 || /~(?![01])/.test(pointer)) return undefined;
  const tokens = pointer
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
  return tokens.length <= deepest && tokens.every((token) => token !== "") ? tokens : undefined;
}

/** Gives the values at a place; none where there is nothing. */
export function valuesAt(args: JsonObject, at: readonly string[]): Json[] {
  let values: Json[] = [args];
  for (const token of at) {
    values = values.flatMap((value): Json[] => {
      if (Array.isArray(value)) {
        if (token === "*") return value.slice(0, 256);
        const item = /^(?:0|[1-9]\d{0,5})$/.test(token) ? value[Number(token)] : undefined;
        return item === undefined ? [] : [item];
      }
      if (!isObject(value)) return [];
      if (token === "*") return Object.values(value).slice(0, 256);
      return Object.hasOwn(value, token) && value[token] !== undefined ? [value[token]] : [];
    });
  }
  return values;
}
