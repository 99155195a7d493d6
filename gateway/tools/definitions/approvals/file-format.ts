/** The file of approvals and the one beside it, of what waits: strict JSON, lossless. */
import type { Json, JsonObject } from "../../../../sidecar/contract.js";
import {
  Fields,
  isObject,
  JsonRefused,
  parseJson,
  Problems,
  stringifyJson,
} from "../../../../sidecar/contract.js";
import { digestOf } from "../canonical.js";
import type { Approval, ApprovedBy, Pending } from "./approvals.js";
import { most } from "./approvals.js";

/** A file that isn't what it should be. The message names the place, never a definition's text. */
export class ApprovalsInvalid extends Error {
  override readonly name = "ApprovalsInvalid";
}

const digestForm = /^sha256:[0-9a-f]{64}$/;

/** Reads a list of approvals. @throws ApprovalsInvalid; INVARIANT: one wrong entry, and there are none */
export function parseApprovals(bytes: Uint8Array): Approval[] {
  return readList(bytes, "approvals", most.approvals, (fields, problems) => ({
    ...readTool(fields, problems),
    state:
      fields.oneOf("state", ["approved", "rejected"]) ??
      problems.add(fields.at("state"), "is required") ??
      "rejected",
    at: readTime(fields, "at", problems),
    by: readBy(fields.nested("by"), problems),
  }));
}

/** Reads a list of what waits. @throws ApprovalsInvalid */
export function parsePending(bytes: Uint8Array): Pending[] {
  return readList(bytes, "pending", most.pending, (fields, problems) => {
    const likeness = fields.string("looks_like");
    return {
      ...readTool(fields, problems),
      status: fields.oneOf("status", ["new", "changed"]) ?? "new",
      first: readTime(fields, "first", problems),
      last: readTime(fields, "last", problems),
      flags: fields.strings("flags") ?? [],
      ...(likeness === undefined ? {} : { looks_like: likeness }),
    };
  });
}

export function writeApprovals(approvals: readonly Approval[]): string {
  return writeList("approvals", approvals);
}

export function writePending(pending: readonly Pending[]): string {
  return writeList("pending", pending);
}

function writeList(name: string, list: readonly (Approval | Pending)[]): string {
  // one to a line, so that a repository of such files shows what changed
  const lines = list.map((one) => `    ${stringifyJson(one as unknown as Json)}`);
  return `{\n  "version": 1,\n  "${name}": [${lines.length === 0 ? "" : `\n${lines.join(",\n")}\n  `}]\n}\n`;
}

function readList<T>(
  bytes: Uint8Array,
  name: string,
  longest: number,
  read: (fields: Fields, problems: Problems) => T,
): T[] {
  let value: Json;
  try {
    value = parseJson(bytes);
  } catch (error) {
    if (!(error instanceof JsonRefused)) throw error;
    throw new ApprovalsInvalid(`not valid JSON: ${error.message}`);
  }
  const problems = new Problems();
  const top = new Fields(value, "", problems);
  if (top.integer("version", 1, 1) === undefined) problems.add("version", "must be 1");
  if (!top.has(name)) problems.add(name, "is required");
  const items = top.items(name);
  if (items.length > longest) problems.add(name, `more than ${longest}`);
  top.end();
  const list = items.slice(0, longest).map((fields) => {
    const one = read(fields, problems);
    fields.end();
    return one;
  });
  const [first] = problems.list;
  if (first !== undefined) throw new ApprovalsInvalid(first);
  return list;
}

function readTool(
  fields: Fields,
  problems: Problems,
): { server: string; tool: string; digest: string; definition: JsonObject } {
  const server = fields.required("server");
  const tool = fields.required("tool");
  const digest = fields.required("digest");
  const definition = fields.raw("definition");
  if (!digestForm.test(digest))
    problems.add(fields.at("digest"), "must be sha256: and 64 hexadecimal digits");
  if (!isObject(definition)) {
    problems.add(fields.at("definition"), "must be an object");
    return { server, tool, digest, definition: {} };
  }
  // INVARIANT: what a person is shown is what the digest is of
  if (digestOf(definition) !== digest) problems.add(fields.at("definition"), "isn't what the digest is of");
  return { server, tool, digest, definition };
}

function readTime(fields: Fields, name: string, problems: Problems): string {
  const time = fields.required(name);
  if (Number.isNaN(Date.parse(time))) problems.add(fields.at(name), "must be a time of RFC 3339");
  return time;
}

function readBy(fields: Fields, problems: Problems): ApprovedBy {
  const person = fields.string("person");
  if (person !== undefined) {
    fields.end();
    return { person };
  }
  const policy = fields.nested("policy");
  const by = { decision_id: policy.required("decision_id"), rules: policy.strings("rules") ?? [] };
  policy.end();
  fields.end();
  if (by.decision_id === "") problems.add(fields.at("policy"), "is required, or person");
  return { policy: by };
}
