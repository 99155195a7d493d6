import type { Approval, Pending } from "../gateway/tools/definitions/approvals/approvals.js";
import { visible } from "../gateway/tools/definitions/show.js";
import { drawTable } from "./draw-table.js";

/** So much of a digest is shown, and enough to name it, hexadecimal digits. */
export const shownDigest = 12;

export function shortDigest(digest: string): string {
  return digest.replace("sha256:", "").slice(0, shownDigest);
}

export function byWhom({ by }: Approval): string {
  return "person" in by ? by.person : `policy${by.policy.rules.map((rule) => ` ${rule}`).join("")}`;
}

/** Draws what was decided as a table. */
export function drawApprovals(approvals: readonly Approval[]): string {
  return draw([
    ["STATE", "TOOL", "DIGEST", "WHEN", "BY"],
    ...approvals.map((one) => [
      one.state,
      `${one.server}/${one.tool}`,
      shortDigest(one.digest),
      one.at.slice(0, 16),
      byWhom(one),
    ]),
  ]);
}

/** Draws what waits as a table. */
export function drawPending(pending: readonly Pending[]): string {
  return draw([
    ["STATUS", "TOOL", "DIGEST", "FIRST", "FLAGS"],
    ...pending.map((one) => [
      one.status,
      `${one.server}/${one.tool}`,
      shortDigest(one.digest),
      one.first.slice(0, 16),
      [...(one.looks_like === undefined ? [] : [`looks like ${one.looks_like}`]), ...one.flags].join(", "),
    ]),
  ]);
}

function draw(rows: readonly (readonly string[])[]): string {
  return drawTable(rows.map((row) => row.map((cell) => visible(cell).replaceAll("\n", " "))));
}
