/** `_bulk`: a line for what, and but for deletes one for which. */
import type { Json, JsonObject, Refusal } from "../../../../sidecar/contract.js";
import { isObject, refuse } from "../../../../sidecar/contract.js";
import type { Narrowing, StoreAsk } from "../../adapter.js";
import type { Context, Planned } from "./context.js";
import { isRefusal, withoutItems } from "./context.js";
import { isId } from "./get.js";
import { pick } from "./hits.js";
import type { Named } from "./names.js";
import { readWritten } from "./names.js";
import { pathOf, readParameters } from "./parameters.js";
import { checkDocument, notUniform, pipelineOf, readChange, writtenOf } from "./write.js";

type Kind = "write" | "update" | "delete";

interface Step {
  readonly kind: Kind;
  readonly head: JsonObject;
  readonly named: Named;
  readonly id: string | undefined;
  /** Absent for deletes. */
  readonly body: JsonObject | undefined;
  /** Whether a document that is there would be replaced. */
  readonly replaces: boolean;
}

const kindOf: Readonly<Record<string, Kind>> = {
  index: "write",
  create: "write",
  update: "update",
  delete: "delete",
};
const actionOf = {
  write: "retrieval.write",
  update: "retrieval.update",
  delete: "retrieval.delete",
} as const;

export function planBulk({ request, store, path }: Context): Planned | Refusal {
  const parameters = readParameters(request, "bulk", ["pipeline", "_source"]);
  if (isRefusal(parameters)) return parameters;
  if (!["false", undefined].includes(request.query.get("_source")))
    return refuse("filter_refused", "_source");
  const { form, body: lines } = request;
  if (form !== "ndjson" || !Array.isArray(lines) || lines.length === 0)
    return refuse("invalid_request", "lines of JSON, of the type application/x-ndjson");
  const steps: Step[] = [];
  for (let i = 0; i < lines.length;) {
    const step = readStep(lines[i], lines[i + 1], path["index"], (name) => readWritten(name, store));
    if (isRefusal(step)) return step;
    steps.push(step);
    i += step.body === undefined ? 1 : 2;
  }
  const collections = [...new Set(steps.map(({ named }) => named.collection))];
  for (const one of collections) {
    const allowed = pipelineOf(request.query.get("pipeline"), one);
    if (typeof allowed === "object") return allowed;
  }
  const groups = groupsOf(steps);
  const pipeline = request.query.get("pipeline");
  return {
    kind: "operation",
    asks: groups.map(askOf),
    plan: {
      narrow(narrowings: readonly Narrowing[]) {
        const stored = new Map<Step, JsonObject>();
        for (const [i, group] of groups.entries()) {
          const documents = group[0]?.kind === "write" ? narrowings[i]?.documents : undefined;
          for (const [j, step] of group.entries()) {
            const document = documents?.[j] ?? step.body;
            if (document === undefined) continue;
            const bad = step.kind === "write" ? notUniform(document, step.named.collection) : undefined;
            if (bad !== undefined) return refuse("document_refused", bad);
            stored.set(step, document);
          }
        }
        const body = steps.flatMap((step): Json[] => {
          const document = stored.get(step);
          return document === undefined ? [step.head] : [step.head, document];
        });
        const to = pathOf(["_bulk"], { ...parameters, ...(pipeline === undefined ? {} : { pipeline }) });
        const exact = groups.map(() => true);
        return { kind: "narrowed", request: { method: "POST", path: to, body, ndjson: true }, exact };
      },
      empty: () => refuse("nothing_allowed"),
      results({ value }) {
        const items = isObject(value) ? value["items"] : undefined;
        if (!isObject(value) || !Array.isArray(items)) return refuse("upstream_invalid");
        return withoutItems({ ...pick(value, ["took", "errors", "ingest_took"]), items: items.map(itemOf) });
      },
    },
  };
}

const ofHead = [
  "_index",
  "_id",
  "if_seq_no",
  "if_primary_term",
  "version",
  "version_type",
  "require_alias",
  "retry_on_conflict",
];

function readStep(
  head: Json | undefined,
  next: Json | undefined,
  index: string | undefined,
  find: (name: string) => Named | Refusal,
): Step | Refusal {
  const [[action, meta] = ["", null], more] = isObject(head) ? Object.entries(head) : [];
  const kind = Object.hasOwn(kindOf, action) ? kindOf[action] : undefined;
  if (kind === undefined || more !== undefined || !isObject(meta))
    return refuse("invalid_request", "a line that says what is done");
  // a pipeline or a routing value of one document would be a way around those of the URL
  const unknown = Object.entries(meta).find(
    ([name, one]) => !ofHead.includes(name) || typeof one === "object",
  );
  if (unknown !== undefined) return refuse("filter_refused", "what a line says beside index and id");
  const { _index: name = index, _id: id } = meta;
  if (typeof name !== "string" || (id !== undefined && !isId(id)))
    return refuse("invalid_request", "index and id");
  if (id === undefined && kind !== "write") return refuse("invalid_request", "the id");
  const named = find(name);
  if (isRefusal(named)) return named;
  const line = {
    head: { [action]: { ...meta, _index: name } },
    named,
    id,
    kind,
    replaces: action !== "create",
  };
  if (kind === "delete") return { ...line, body: undefined };
  if (!isObject(next)) return refuse("invalid_request", "a document is an object");
  if (kind === "update") {
    const change = readChange(next, named.collection);
    return isRefusal(change) ? change : { ...line, body: change };
  }
  const wrong = checkDocument(next, named.collection);
  return wrong ?? { ...line, body: next };
}

/** What is done to one index in one way is decided at once. */
function groupsOf(steps: readonly Step[]): Step[][] {
  const out = new Map<string, Step[]>();
  for (const step of steps) {
    const key = `${step.kind} ${step.named.name}`;
    const before = out.get(key);
    if (before === undefined) out.set(key, [step]);
    else before.push(step);
  }
  return [...out.values()];
}

function askOf(steps: readonly Step[]): StoreAsk {
  const [first] = steps;
  if (first === undefined) throw new Error("a group of nothing");
  const { kind, named } = first;
  const ids = [...new Set(steps.flatMap(({ id, replaces }) => (id === undefined || !replaces ? [] : [id])))];
  return {
    ...{ action: actionOf[kind], effect: kind === "write" ? "write" : "change" },
    ...{ name: named.name, collection: named.collection },
    ...(ids.length === 0 ? {} : { ids }),
    ...(kind === "write"
      ? { documents: steps.flatMap(({ body }) => (body === undefined ? [] : [body])) }
      : {}),
  };
}

const errorType = /^[a-z_]{1,64}$/;

function itemOf(item: Json): Json {
  const [[action, one] = ["", null]] = isObject(item) ? Object.entries(item) : [];
  if (!isObject(one) || !Object.hasOwn(kindOf, action)) return {};
  const out = writtenOf(one);
  const { error } = one;
  if (isObject(error)) {
    const { type } = error;
    // its reason may repeat what was written, or what is there
    out["error"] = {
      type: typeof type === "string" && errorType.test(type) ? type : "exception",
      reason: "the store refused this document",
    };
  }
  return { [action]: out };
}
