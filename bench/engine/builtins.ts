/** Built-ins that opa-wasm leaves to whoever embeds it. */
import { createHash } from "node:crypto";
import type { ResolveBuiltin } from "../../sidecar/decide/builtins/host.js";
import { createResolver } from "../../sidecar/decide/builtins/dispatch.js";
import type { RegoValue } from "../../sidecar/decide/engine/value.js";
import { objectOf } from "../../sidecar/decide/engine/value.js";

type Plain = (...args: never[]) => unknown;

/** For opa-wasm: plain JSON in and out. `countersign.rule_held` is the mark of annotated rules. */
export const plainBuiltins: Readonly<Record<string, Plain>> = {
  "countersign.rule_held": () => true,
  "crypto.sha256": (text: string) => createHash("sha256").update(text).digest("hex"),
  "time.parse_rfc3339_ns": (text: string) => Date.parse(text) * 1e6,
  "io.jwt.decode": (token: string) => {
    const [header = "", payload = "", signature = ""] = token.split(".");
    const read = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString());
    return [read(header), read(payload), Buffer.from(signature, "base64url").toString("hex")];
  },
  sprintf: (format: string, values: readonly unknown[]) => {
    let at = 0;
    return format.replace(/%[sd]/g, () => String(values[at++]));
  },
};

/** The same functions for Countersign. */
export const sameBuiltins: ResolveBuiltin = createResolver({
  node: new Map(
    Object.entries(plainBuiltins).map(([name, plain]) => [
      name,
      (_context, ...args) => termOf((plain as (...args: unknown[]) => unknown)(...args)),
    ]),
  ),
  go: () => {
    throw new Error("no built-in of these policies needs Go");
  },
  goNames: new Set(),
  runtime: null,
  print: () => undefined,
});

function termOf(value: unknown): RegoValue {
  if (Array.isArray(value)) return value.map(termOf);
  if (typeof value !== "object" || value === null) return value as RegoValue;
  return objectOf(Object.entries(value).map(([key, member]) => [key, termOf(member)]));
}
