/** Draws pushed bundles for people. */
import type { Json, JsonObject } from "../sidecar/contract.js";
import { isObject } from "../sidecar/contract.js";
import { drawTable } from "./draw-table.js";

/** Gives the newest generation in an answer of `GET /v1/bundles/{name}`; 0: there is none. */
export function headOf(body: Json): number {
  const generations = isObject(body) ? body["generations"] : undefined;
  const [head] = Array.isArray(generations) ? generations : [];
  return isObject(head) && typeof head["generation"] === "number" ? head["generation"] : 0;
}

/** Says in a line what came of a push. */
export function drawPushed({ bundle, unchanged, kept }: JsonObject): string {
  if (!isObject(bundle)) return "";
  const { name, generation, revision, by, at, digest } = bundle;
  const where = Array.isArray(kept) ? `; kept: ${kept.map(text).join(", ")}` : "";
  const tests = testsOf(bundle) === "" ? "" : `, tests: ${testsOf(bundle)}`;
  return `${text(name)}: generation ${text(generation)}, revision ${text(revision)}${
    unchanged === true ? ", as before" : ""
  }, by ${text(by)} at ${text(at)}${tests}, sha256 ${text(digest).slice(0, 12)}${where}\n`;
}

/** Draws generations, or the newest of each bundle. */
export function drawBundles(bundles: readonly JsonObject[], withName: boolean): string {
  const rows = bundles.map((bundle) => {
    const { name, generation, revision, version, by, at, digest, signed_by, action, of, reason, here } =
      bundle;
    const what = action === "rollback" ? `rollback to ${text(of)}` : text(action);
    const problem = isObject(here) && here["code"] !== undefined ? text(here["code"]) : "";
    return [
      ...(withName ? [text(name)] : []),
      ...[text(generation), text(revision), text(version), text(digest).slice(0, 12), testsOf(bundle)],
      ...[
        text(signed_by === false ? "unsigned" : signed_by),
        text(by),
        text(at).slice(0, 19),
        what,
        text(reason),
      ],
      ...(withName ? [isObject(here) ? text(here["generation"]) : "", problem] : []),
    ];
  });
  const head = [
    ...(withName ? ["NAME"] : []),
    ...["GENERATION", "REVISION", "VERSION", "DIGEST", "TESTS", "SIGNED BY", "BY", "SINCE", "WHAT", "REASON"],
    ...(withName ? ["HERE", "PROBLEM"] : []),
  ];
  return drawTable([head, ...rows]);
}

function testsOf({ tests }: JsonObject): string {
  if (!isObject(tests)) return "";
  const { passed, skipped } = tests;
  return `${text(passed)} passed${skipped === 0 || skipped === undefined ? "" : `, ${text(skipped)} skipped`}`;
}

function text(value: Json | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
