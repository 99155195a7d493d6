/** Draws fences for people. */
import type { Json } from "../sidecar/contract.js";
import { isObject } from "../sidecar/contract.js";
import { drawTable } from "./draw-table.js";

/** Draws fences as a table. INVARIANT: what can't be seen is shown as its code: a name mustn't look like another. */
export function drawFences(fences: Json | undefined): string {
  const some = Array.isArray(fences) ? fences.filter(isObject) : [];
  const text = (value: Json | undefined): string => (typeof value === "string" ? visible(value) : "");
  const rows = some.map((fence) => {
    const { id, match, expires, by, at, reason, lift } = fence;
    const before = fence["issued_before"];
    const since = typeof before === "string" ? ` issued before ${visible(before.slice(0, 19))}` : "";
    const lifting = isObject(lift) ? `lift asked by ${text(lift["by"])}` : "";
    return [
      text(id),
      `${drawMatch(match)}${since}`,
      typeof expires === "string" ? expires.slice(0, 19) : "until lifted",
      text(by),
      typeof at === "string" ? at.slice(0, 19) : "",
      [text(reason), lifting].filter((part) => part !== "").join("; "),
    ];
  });
  return drawTable([["ID", "FENCES OFF", "UNTIL", "BY", "SINCE", "REASON"], ...rows]);
}

/** Draws what a fence names: `tenant=acme subject=bob`. */
export function drawMatch(match: Json | undefined): string {
  if (!isObject(match)) return "";
  return Object.entries(match)
    .map(([kind, value]) => (kind === "everything" ? "everything" : `${kind}=${visible(String(value))}`))
    .join(" ");
}

function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (one) => `<U+${(one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`,
  );
}
