/** Reads what `diff` compares: a path, or a generation of a pushed bundle. */
import { existsSync } from "node:fs";
import type { Json } from "../sidecar/contract.js";
import { isObject } from "../sidecar/contract.js";
import type { Entries } from "../sidecar/rego/archive.js";
import { readArchive } from "../sidecar/rego/archive.js";
import type { Rejected } from "../sidecar/rego/bundle.js";
import { readEntries } from "../sidecar/rego/read.js";
import type { Asked } from "./fence-request.js";
import { ask, refusalOf } from "./fence-request.js";
import { UsageError } from "./main.js";

export type Got = { readonly kind: "read"; readonly entries: Entries } | Rejected;

/** @param asked gives whom to ask for `NAME@REVISION` @throws Error where it can't be had; UsageError */
export async function getBundle(given: string, asked: () => Asked): Promise<Got> {
  const [, name, which] = /^([^@/]+)@([^@]+)$/.exec(given) ?? [];
  if (name === undefined || which === undefined || existsSync(given)) return readEntries(given);
  const whom = asked();
  const path = `/v1/bundles/${encodeURIComponent(name)}`;
  const generation = /^\d{1,15}$/.test(which) ? which : await generationOf(whom, path, which);
  const answer = await ask(whom, "GET", `${path}/${generation}`, undefined, { waitMs: 60_000 });
  const refusal = refusalOf(answer);
  if (refusal !== undefined) throw new Error(`${given}: ${refusal}`);
  if (answer.bytes === undefined) throw new Error(`${given}: the answer is no archive`);
  return readArchive(answer.bytes);
}

/** Of a revision that was pushed more than once, the newest counts. */
async function generationOf(asked: Asked, path: string, revision: string): Promise<string> {
  const answer = await ask(asked, "GET", path);
  const refusal = refusalOf(answer);
  if (refusal !== undefined) throw new Error(refusal);
  const rows: Json = isObject(answer.body) ? (answer.body["generations"] ?? null) : null;
  const found = (Array.isArray(rows) ? rows : []).find(
    (one) => isObject(one) && one["revision"] === revision,
  );
  if (isObject(found) && typeof found["generation"] === "number") return String(found["generation"]);
  throw new UsageError(`no generation has the revision ${revision}; countersign bundles lists them`);
}
