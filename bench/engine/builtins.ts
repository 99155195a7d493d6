/** Built-ins that opa-wasm leaves to whoever embeds it. */
import { createHash } from "node:crypto";

type Plain = (...args: never[]) => unknown;

/** Plain JSON in and out. `countersign.rule_held` is the mark of annotated rules. */
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
