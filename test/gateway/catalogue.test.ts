/** The catalogue of obligations says what the gateway does; docs say what the catalogue says. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Ajv2020 } from "ajv/dist/2020.js";
import { checkCommand } from "../../cli/check.js";
import { besideObligations, takeBeside } from "../../gateway/enforce/beside.js";
import { catalogue } from "../../gateway/enforce/catalogue.js";
import { enforce } from "../../gateway/enforce/enforce.js";
import { modelDuties } from "../../gateway/enforce/registry.js";
import { operations, uploads } from "../../gateway/models/operations/operations.js";
import { openai } from "../../gateway/models/openai.js";
import {
  readRequestDuties,
  readResponseDuties,
  requestObligations,
  responseObligations,
} from "../../gateway/retrieval/serve/duties.js";
import { readRoute, routeObligations } from "../../gateway/routing/restrict.js";
import { readToolDuties, toolObligations } from "../../gateway/tools/results/apply.js";
import type { JsonObject, Obligation } from "../../sidecar/contract.js";
import { parseJson } from "../../sidecar/contract.js";
import { removedLabels } from "../../sidecar/pipeline/labels.js";
import { readFenceObligation } from "../../sidecar/state/watch/obligation.js";
import { root } from "../world.js";

const parse = (value: unknown): JsonObject => parseJson(JSON.stringify(value)) as JsonObject;
const docs = (name: string): string => readFileSync(join(root, "docs", name), "utf8");
const named = (cell: string): string[] => [...cell.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);
const rows = (text: string, form: RegExp): string[][] =>
  [...text.matchAll(form)].map(([row]) => row.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "")));

/** What the sidecar carries out itself. */
const ofSidecar = ["require_assurance", "fence", "limit", "remove_labels"];

test("it has every obligation that is carried out, and no other", () => {
  const known = [
    ...[...Object.keys(modelDuties), ...besideObligations, ...ofSidecar],
    ...[...routeObligations, ...requestObligations, ...responseObligations, ...toolObligations],
  ];
  expect(Object.keys(catalogue)).toEqual([...new Set(known)]);
  const onTools = Object.entries(catalogue).filter(([, { on }]) => on.includes("tool"));
  expect(onTools.map(([type]) => type).sort()).toEqual([...toolObligations].sort());
});

test("docs/gateway-obligations.md lists each with its properties and phases", () => {
  const said = rows(docs("gateway-obligations.md"), /^\| `\w+` \|[^|]*\|[^|]*\|[^|]*\|$/gm);
  expect(
    said.map(([type = "", properties = "", phases]) => [named(type)[0], named(properties), phases]),
  ).toEqual(
    Object.entries(catalogue).map(([type, { schema, phases }]) => [
      type,
      Object.keys(schema["properties"] as object),
      phases.join(", "),
    ]),
  );
});

const operationRows: Readonly<Record<string, { readonly duties: object }>> = {
  "`POST /v1/embeddings`": operations.embeddings,
  "`POST /v1/responses`": operations.responses,
  "`POST /v1/completions`": operations.completions,
  "`POST /v1/moderations`": operations.moderations,
  "`POST /v1/images/generations`": operations.images,
  "`POST /v1/images/edits`": uploads.imageEdit,
  "`POST /v1/images/variations`": uploads.imageVariation,
  "`POST /v1/audio/speech`": operations.speech,
  "`POST /v1/audio/transcriptions`": uploads.transcription,
  "`POST /v1/audio/translations`": uploads.translation,
  "`POST /v1/messages/count_tokens`": operations.countTokens,
  "`:generateContent`": operations.geminiGenerate,
  "`:streamGenerateContent`": operations.geminiStream,
  "`:countTokens`": operations.geminiCount,
  "`:embedContent`": operations.geminiEmbed,
  "`:batchEmbedContents`": operations.geminiEmbedBatch,
};

test("docs/gateway-operations.md lists those of each operation", () => {
  const [, section = ""] = docs("gateway-operations.md").split("| operation | obligations beside those |");
  const said = rows(section.split("\n\n")[0] ?? "", /^\| `[^|]*\|[^|]*\|$/gm);
  expect(Object.fromEntries(said.map(([name = "", list = ""]) => [name, named(list)]))).toEqual(
    Object.fromEntries(
      Object.entries(operationRows).map(([name, { duties }]) => [name, Object.keys(duties)]),
    ),
  );
  expect(new Set(Object.values(operationRows))).toEqual(
    new Set([...Object.values(operations), ...Object.values(uploads)]),
  );
});

/** Whether an obligation is carried out on a chat. */
function isDone(type: string, properties: JsonObject): boolean {
  const obligation = { id: "o", type, properties };
  const body = parse({ model: "m", messages: [{ role: "user", content: "a" }], tools: [] });
  const read = readRoute([obligation]);
  const able = { answer: ["choices"], scans: true, hasHook: (name: string) => name === "soc" };
  const taken = read === undefined ? undefined : takeBeside(read.others, able);
  return taken !== undefined && enforce(body, taken.others, modelDuties, openai.words) !== undefined;
}

/** Whether an obligation is carried out on a tool's call. */
function isDoneOnTools(type: string, properties: JsonObject): boolean {
  const able = { hasHook: (name: string) => name === "soc" };
  return readToolDuties([{ id: "o", type, properties }], "request", able) !== undefined;
}

/** Whether an obligation is carried out on documents of a store. */
function isDoneOnDocuments(type: string, properties: JsonObject): boolean {
  const obligation = { id: "o", type, properties };
  return (responseObligations as readonly string[]).includes(type)
    ? readResponseDuties([obligation], 3) !== undefined
    : readRequestDuties([obligation]) !== undefined;
}

const tenant = { type: "field", operator: "eq", field: "tenant", value: "acme" };
const long = "x".repeat(1_025);
const cases: readonly (readonly [type: string, properties: object, fits: boolean])[] = [
  ["limit_tokens", { max_tokens: 5 }, true],
  ["limit_tokens", { max_tokens: 0 }, false],
  ["limit_tokens", { max_tokens: 1.5 }, false],
  ["limit_tokens", { max_tokens: "5" }, false],
  ["limit_tokens", { max_tokens: 5, min_tokens: 1 }, false],
  ["limit_tokens", {}, false],
  ["set_parameters", { parameters: { temperature: 0 } }, true],
  ["set_parameters", { parameters: [] }, false],
  ["set_parameters", {}, false],
  ["cap_parameters", { parameters: { temperature: 1 } }, true],
  ["cap_parameters", { parameters: { temperature: "1" } }, false],
  ["filter_tools", { allow: ["a*"] }, true],
  ["filter_tools", { deny: ["a*"] }, true],
  ["filter_tools", { allow: ["a"], deny: ["b"] }, false],
  ["filter_tools", {}, false],
  ["filter_tools", { allow: [] }, false],
  ["filter_tools", { allow: [long] }, false],
  ["require_system_prompt", { text: "a" }, true],
  ["require_system_prompt", { text: "" }, false],
  ["stop_on", { sequences: ["a"] }, true],
  ["stop_on", { sequences: ["a", 1] }, false],
  ["stop_on", { sequences: [""] }, false],
  ["mask", { phase: "request", patterns: ["pii"] }, true],
  ["mask", { phase: "response", pointers: ["/choices/*/message/content"] }, true],
  ["mask", { phase: "request", pointers: ["/messages"], patterns: ["pii"], replacement: "" }, true],
  ["mask", { phase: "request" }, false],
  ["mask", { patterns: ["pii"] }, false],
  ["mask", { phase: "both", patterns: ["pii"] }, false],
  ["mask", { phase: "request", pointers: ["messages"] }, false],
  ["mask", { phase: "request", patterns: ["pii"], replacement: "x".repeat(65) }, false],
  ["add_label", { labels: ["restricted-data"] }, true],
  ["add_label", { labels: [] }, false],
  ["add_label", { labels: ["A"] }, false],
  ["notify", { hook: "soc" }, true],
  ["notify", { hook: "soc", required: true }, true],
  ["notify", { hook: "soc", required: 1 }, false],
  ["notify", { hook: "soc", url: "https://x.example" }, false],
  ["notify", {}, false],
  ["inspect_answer", { mode: "observe" }, true],
  ["inspect_answer", { mode: "on" }, false],
  ["restrict_regions", { regions: ["eu"] }, true],
  ["restrict_regions", { regions: [] }, false],
  ["restrict_providers", { providers: ["openai"] }, true],
  ["restrict_providers", { providers: "openai" }, false],
  ["select_model", { model: "m" }, true],
  ["select_model", { model: 1 }, false],
  ["filter", { condition: tenant }, true],
  ["filter", { condition: { type: "compound", operator: "not", value: [tenant] } }, true],
  ["filter", { condition: { type: "compound", operator: "not", value: [] } }, false],
  ["filter", { condition: { type: "compound", operator: "nor", value: [tenant] } }, false],
  ["filter", { condition: { ...tenant, operator: "in" } }, false],
  ["filter", { condition: { ...tenant, operator: "exists", value: true } }, true],
  ["filter", { condition: { ...tenant, field: "a.b" } }, false],
  ["filter", { condition: { ...tenant, value: null } }, false],
  ["filter", { condition: { ...tenant, negate: true } }, false],
  ["filter", { condition: tenant, then: 1 }, false],
  ["filter", {}, false],
  ["filter_documents", { tenant: "acme", max_classification: "internal" }, true],
  ["filter_documents", { tenant: "acme", max_classification: "secret" }, false],
  ["filter_documents", { tenant: "acme" }, false],
  ["hide_fields", { fields: ["salary"] }, true],
  ["hide_fields", { fields: [] }, false],
  ["hide_fields", { fields: ["a.b"] }, false],
  ["limit_results", { top_k: 5 }, true],
  ["limit_results", { top_k: 0 }, false],
  ["stamp_documents", { set: { tenant: "acme" } }, true],
  ["stamp_documents", { set: { tenant: null } }, false],
  ["stamp_documents", { at_least: { level: { value: 1, order: [0, 1] } } }, true],
  ["stamp_documents", { at_least: { level: 1 } }, false],
  ["keep_documents", { documents: [0, 2] }, true],
  ["keep_documents", { documents: [] }, true],
  ["keep_documents", { documents: [-1] }, false],
  ["keep_documents", { documents: "all" }, false],
  ["mask_documents", { documents: [0], fields: ["salary"] }, true],
  ["mask_documents", { documents: [0], fields: [] }, false],
  ["mask_documents", { documents: [0] }, false],
  ["label_documents", { documents: [0], labels: ["restricted-data"] }, true],
  ["label_documents", { documents: [0], labels: ["Restricted"] }, false],
  ["strip_content", { types: ["image", "resource_link"] }, true],
  ["strip_content", { types: ["text"] }, false],
  ["strip_content", { types: [] }, false],
  ["strip_content", {}, false],
  ["limit_result", { max_bytes: 1_000 }, true],
  ["limit_result", { max_bytes: 1_000, max_blocks: 3, otherwise: "refuse" }, true],
  ["limit_result", { max_blocks: 0 }, false],
  ["limit_result", { max_bytes: 1.5 }, false],
  ["limit_result", { max_bytes: 1, otherwise: "keep" }, false],
  ["limit_result", { otherwise: "cut" }, false],
  ["limit_result", { max_bytes: 1, bytes: 1 }, false],
  ["inspect_result", { mode: "decide" }, true],
  ["inspect_result", { mode: "off" }, false],
];

/** Where what a tool gives has other fields than what a model says. */
const ofModels = ["/choices/*/message/content", "/messages"];

describe("schemas", () => {
  const ajv = new Ajv2020({ strict: true, strictRequired: false });
  const schemas = Object.fromEntries(
    Object.entries(catalogue).map(([type, { schema }]) => [type, ajv.compile(schema)]),
  );
  test.each(cases)(
    "%s %j: what fits is carried out, and what doesn't is a deny: %s",
    (type, properties, fits) => {
      const on: readonly string[] = catalogue[type]?.on ?? [];
      const { pointers } = properties as { pointers?: string[] };
      const elsewhere = pointers?.some((pointer) => ofModels.includes(pointer)) === true;
      const done = [
        ...(on.includes("model") || on.includes("any") ? [isDone(type, parse(properties))] : []),
        ...(on.includes("tool") && !elsewhere ? [isDoneOnTools(type, parse(properties))] : []),
        ...(on.includes("retrieval") ? [isDoneOnDocuments(type, parse(properties))] : []),
      ];
      expect([schemas[type]?.(properties), ...done]).toEqual([fits, ...done.map(() => fits)]);
      expect(done.length).toBeGreaterThan(0);
    },
  );
  test("each has a case that fits, and one that doesn't", () => {
    for (const type of Object.keys(catalogue).filter((one) => !ofSidecar.includes(one))) {
      const fits = cases.filter(([one]) => one === type).map(([, , fit]) => fit);
      expect([type, fits.includes(true), fits.includes(false)]).toEqual([type, true, true]);
    }
  });
});

test.each<[type: string, properties: object, fits: boolean]>([
  ["remove_labels", { labels: ["untrusted-web"] }, true],
  ["remove_labels", { labels: [] }, false],
  ["remove_labels", { labels: [""] }, false],
  ["remove_labels", { labels: ["a"], why: "b" }, false],
  ["remove_labels", {}, false],
  ["fence", { kinds: ["chain"], reason: "a", seconds: 900 }, true],
  ["fence", { kinds: ["everything"], reason: "a", seconds: 900 }, false],
  ["fence", { kinds: [], reason: "a", seconds: 900 }, false],
  ["fence", { kinds: ["chain"], reason: "a", seconds: 0 }, false],
  ["fence", { kinds: ["chain"], reason: "a" }, false],
  ["fence", { kinds: ["chain"], reason: "a", seconds: 9, match: {} }, false],
])("what the sidecar carries out is as the catalogue says: %s %j", (type, properties, fits) => {
  const validate = new Ajv2020({ strict: true }).compile(catalogue[type]?.schema ?? false);
  const own: Obligation = { id: "o", type, properties: parse(properties) };
  const read =
    type === "fence"
      ? readFenceObligation(own, ["tenant:acme", "chain:ann", "subject:agent"])
      : removedLabels([own]);
  expect([validate(properties), read !== undefined]).toEqual([fits, fits]);
});

test("countersign check --obligations shows them", async () => {
  let out = "";
  const io = { out: (text: string) => (out += text), err: () => undefined };
  expect(await checkCommand.run(["--obligations"], io as never)).toBe(0);
  for (const type of Object.keys(catalogue)) expect(out).toContain(`${type} {`);
  out = "";
  expect(await checkCommand.run(["--obligations", "-f", "json"], io as never)).toBe(0);
  expect(JSON.parse(out)).toEqual(JSON.parse(JSON.stringify(catalogue)));
});

test("the example of a policy is one", async () => {
  const [, rego = ""] = /```rego\n([^]*?)```/.exec(docs("gateway-obligations.md")) ?? [];
  const directory = await mkdtemp(join(tmpdir(), "countersign-example-"));
  await writeFile(join(directory, "answers.rego"), rego);
  const said: string[] = [];
  const io = { out: (text: string) => said.push(text), err: (text: string) => said.push(text) };
  expect([await checkCommand.run(["--strict", directory], io as never), said]).toEqual([0, []]);
  // each obligation in it is one that there is
  for (const [, type = ""] of rego.matchAll(/"type": "(\w+)"/g))
    expect(Object.keys(catalogue)).toContain(type);
  await rm(directory, { recursive: true });
});
