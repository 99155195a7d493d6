/** The judge must not be content too early: what differs from what a case wants is a failure. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Json, JsonObject } from "../../sidecar/contract.js";
import { parseJson } from "../../sidecar/contract.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import type { Built } from "./build.js";
import { build, requestOf } from "./build.js";
import type { Case } from "./case.js";
import { judge } from "./judge.js";

const echo: Case = {
  version: "v1",
  category: "own",
  file: "own/echo.yaml",
  note: "own/echo",
  query: "data.test.p = x",
  modules: ["package test\n\np := input\n\np := 1 if input == 2\n"],
  data: {},
  input: undefined,
  inputText: undefined,
  wantResult: undefined,
  wantErrorCode: undefined,
  wantError: undefined,
  sortBindings: false,
  strictError: false,
  experimental: false,
};
const toolchain = createToolchain({});
let built: Built;
beforeAll(async () => {
  built = await build(requestOf(echo), toolchain);
});
afterAll(() => toolchain.close());

const wants = (text: string): Partial<Case> => ({ wantResult: parseJson(text) as JsonObject[] });
const holds: [name: string, input: string, wanted: Partial<Case>][] = [
  ["the same document", '{"a": [1, null]}', wants('[{"x": {"a": [1, null]}}]')],
  ["numbers by value", "1.0", wants('[{"x": 1}]')],
  ["a set as a sorted list", "{2, 1}", wants('[{"x": [1, 2]}]')],
  ["a list sorted where the case says so", "[3, 4]", { ...wants('[{"x": [3, 4]}]'), sortBindings: true }],
  ["keys that are no strings as their JSON", "{1: 2}", wants('[{"x": {"1": 2}}]')],
  ["all digits", "9007199254740993", wants('[{"x": 9007199254740993}]')],
  ["the error's code", "2", { wantErrorCode: "eval_conflict_error" }],
];
const fails: [name: string, input: string, wanted: Partial<Case>, cause: string][] = [
  ["lists in another order", "[2, 1]", wants('[{"x": [1, 2]}]'), "wrong result"],
  [
    "another number in the last digit",
    "9007199254740993",
    wants('[{"x": 9007199254740992}]'),
    "wrong result",
  ],
  ["a result where none is wanted", "1", wants("[]"), "wrong result"],
  ["no result", "1", wants('[{"x": 1}, {"x": 2}]'), "wrong result"],
  ["a binding more", "1", wants("[{}]"), "wrong result"],
  ["a result where an error is wanted", "1", { wantErrorCode: "eval_conflict_error" }, "no error"],
  ["an error where a result is wanted", "2", wants('[{"x": 1}]'), "failed"],
  ["another error", "2", { wantErrorCode: "eval_type_error" }, "wrong error"],
  ["other words", "2", { wantErrorCode: "eval_conflict_error", wantError: "nobody says" }, "other words"],
];

test.each(holds)("holds: %s", async (_, inputText, wanted) => {
  expect(await judge({ ...echo, inputText, ...wanted }, built, () => undefined)).toBeUndefined();
});

test.each(fails)("fails: %s", async (_, inputText, wanted, cause) => {
  expect(await judge({ ...echo, inputText, ...wanted }, built, () => undefined)).toMatchObject({ cause });
});

test("fails: what can't be compiled or loaded", async () => {
  const refused = await build(
    requestOf({ ...echo, modules: ["package test\n\np := nobody(1)\n"] }),
    toolchain,
  );
  expect(await judge(echo, refused, () => undefined)).toMatchObject({ cause: "build refused" });
  const needing = await build(
    requestOf({ ...echo, modules: ["package test\n\np := uuid.rfc4122(input)\n"] }),
    toolchain,
  );
  expect(await judge(echo, needing, () => undefined)).toMatchObject({ cause: "not loaded" });
});

test("the input as JSON is the input, too", async () => {
  const input: Json = { a: [1] };
  expect(
    await judge({ ...echo, input, ...wants('[{"x": {"a": [1]}}]') }, built, () => undefined),
  ).toBeUndefined();
});
