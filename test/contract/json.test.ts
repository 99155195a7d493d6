import { describe, expect, test } from "@jest/globals";
import { fc } from "../properties.js";
import { JsonNumber, JsonRefused, isObject, parseJson, stringifyJson } from "../../sidecar/contract.js";

function codeOf(source: string | Uint8Array, depth?: number): string {
  try {
    parseJson(source, depth === undefined ? {} : { depth });
    return "accepted";
  } catch (error) {
    return error instanceof JsonRefused ? error.code : "threw something else";
  }
}

describe("parseJson", () => {
  const refused: [name: string, source: string | Uint8Array, code: string][] = [
    ["nothing", "", "invalid_json"],
    ["white space only", " \n", "invalid_json"],
    ["text after the value", "{} x", "invalid_json"],
    ["two values", "1 2", "invalid_json"],
    ["a trailing comma", "[1,]", "invalid_json"],
    ["a missing comma", "[1 2]", "invalid_json"],
    ["a leading zero", "01", "invalid_json"],
    ["a bare point", "1.", "invalid_json"],
    ["a plus sign", "+1", "invalid_json"],
    ["NaN", "NaN", "invalid_json"],
    ["Infinity", "-Infinity", "invalid_json"],
    ["single quotes", "{'a':1}", "invalid_json"],
    ["a key without quotes", "{a:1}", "invalid_json"],
    ["a comment", "{/**/}", "invalid_json"],
    ["a control character in a string", '"a\u0001"', "invalid_json"],
    ["an unterminated string", '"abc', "invalid_json"],
    ["an unterminated escape", '"abc\\', "invalid_json"],
    ["an unknown escape", '"\\x41"', "invalid_json"],
    ["a lone high surrogate, escaped", '"\\ud800"', "invalid_json"],
    ["a lone low surrogate, escaped", '{"\\udc00":1}', "invalid_json"],
    ["a byte order mark", new Uint8Array([0xef, 0xbb, 0xbf, 0x31]), "invalid_json"],
    ["bytes that aren't UTF-8", new Uint8Array([0x22, 0xff, 0x22]), "invalid_utf8"],
    ["overlong UTF-8", new Uint8Array([0x22, 0xc0, 0x80, 0x22]), "invalid_utf8"],
    ["a duplicate key", '{"a":1,"a":1}', "duplicate_key"],
    ["a duplicate key in other spelling", '{"a":1,"\\u0061":2}', "duplicate_key"],
    ["a duplicate __proto__", '{"__proto__":1,"__proto__":2}', "duplicate_key"],
    ["a nested duplicate key", '[{"x":{"a":1,"b":2,"a":3}}]', "duplicate_key"],
    ["arrays nested too deeply", "[".repeat(129), "too_deep"],
    ["objects nested too deeply", '{"a":'.repeat(129), "too_deep"],
    ["a million brackets", "[".repeat(1_000_000), "too_deep"],
  ];
  test.each(refused)("refuses %s", (_name, source, code) => {
    expect(codeOf(source)).toBe(code);
  });

  test.each([
    "9007199254740993",
    "1e400",
    "-0",
    "1.0",
    "1E5",
    "0.1000",
    "123456789012345678901234567890",
    "1e-7",
    "-12.50",
  ])("keeps the text of the number %s", (text) => {
    expect(stringifyJson(parseJson(`{"n":${text}}`))).toBe(`{"n":${text}}`);
  });

  test("gives plain numbers where JavaScript keeps them", () => {
    expect(parseJson("[0,1,-1,1.5,9007199254740991]")).toEqual([0, 1, -1, 1.5, 9007199254740991]);
    expect(parseJson("9007199254740993")).toBeInstanceOf(JsonNumber);
  });

  test("makes __proto__ and constructor keys like any other", () => {
    const value = parseJson('{"__proto__":{"admin":true},"constructor":1}');
    expect(isObject(value) && Object.keys(value)).toEqual(["__proto__", "constructor"]);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    expect(isObject(value) && value["admin"]).toBeUndefined();
    expect(stringifyJson(value)).toBe('{"__proto__":{"admin":true},"constructor":1}');
  });

  test("never quotes content in a message", () => {
    try {
      parseJson('{"secret-value": tru}');
      throw new Error("accepted");
    } catch (error) {
      expect(String(error)).not.toContain("secret");
    }
  });

  test("agrees with JSON.parse on all that both accept", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(JSON.parse(stringifyJson(parseJson(text)))).toEqual(JSON.parse(text));
      }),
    );
  });

  test("accepts nothing that JSON.parse refuses", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'{}[]",:\\ue0123-+.trfalsn \n'), maxLength: 12 }),
        (text) => {
          let plain = true;
          try {
            JSON.parse(text);
          } catch {
            plain = false;
          }
          if (!plain) expect(codeOf(text)).not.toBe("accepted");
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

describe("stringifyJson", () => {
  test("a slip into JSON.stringify is loud", () => {
    expect(() => JSON.stringify(parseJson("[1e400]"))).toThrow(TypeError);
  });
});
