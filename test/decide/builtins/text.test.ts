import { describe, expect, test } from "@jest/globals";
import { JsonNumber } from "../../../sidecar/contract.js";
import { canBackquote, goQuote } from "../../../sidecar/decide/builtins/quote.js";
import { isPrintable } from "../../../sidecar/decide/builtins/printable.js";
import { termText, writeValue } from "../../../sidecar/decide/builtins/text.js";
import type { RegoValue } from "../../../sidecar/decide/engine/value.js";
import { objectOf, setOf } from "../../../sidecar/decide/engine/value.js";

/** A value, the text for `opa_value_parse`, and the text that Go prints. */
const cases: readonly (readonly [RegoValue, string, string])[] = [
  [null, "null", "null"],
  [true, "true", "true"],
  [-0, "-0", "-0"],
  [1e21, "1e+21", "1e+21"],
  [new JsonNumber("1.0"), "1.0", "1.0"],
  [new JsonNumber("9007199254740993"), "9007199254740993", "9007199254740993"],
  ['a"\\\n\x07\x7fé😀\u200b', '"a\\"\\\\\\n\\u0007\x7fé😀\u200b"', '"a\\"\\\\\\n\\a\\x7fé😀\\u200b"'],
  [[], "[]", "[]"],
  [[1, ["a"]], '[1,["a"]]', '[1, ["a"]]'],
  [setOf([]), "set()", "set()"],
  [setOf([2, 1, setOf([])]), "{1,2,set()}", "{1, 2, set()}"],
  [objectOf([]), "{}", "{}"],
  [
    objectOf([
      ["b", setOf(["x"])],
      [setOf([1]), null],
      [[objectOf([])], false],
    ]),
    '{"b":{"x"},[{}]:false,{1}:null}',
    '{"b": {"x"}, [{}]: false, {1}: null}',
  ],
];

describe("a value's text", () => {
  test.each(cases.map(([value, written, printed]) => [printed, value, written] as const))(
    "%s",
    (printed, value, written) => {
      expect(writeValue(value)).toBe(written);
      expect(termText(value)).toBe(printed);
    },
  );
});

describe("goQuote", () => {
  test.each([
    ["", '""', '""'],
    ["it's", '"it\'s"', '"it\'s"'],
    ["\0\b\t\f\v\r\x1f", '"\\x00\\b\\t\\f\\v\\r\\x1f"', '"\\x00\\b\\t\\f\\v\\r\\x1f"'],
    ["é\u00ad\ufeff\u2028", '"é\\u00ad\\ufeff\\u2028"', '"\\u00e9\\u00ad\\ufeff\\u2028"'],
    ["😀\u{e0001}\u{10ffff}", '"😀\\U000e0001\\U0010ffff"', '"\\U0001f600\\U000e0001\\U0010ffff"'],
  ])("%j", (text, all, ascii) => {
    expect(goQuote(text)).toBe(all);
    expect(goQuote(text, { ascii: true })).toBe(ascii);
  });

  test("escapes the quote that it uses only", () => {
    expect(goQuote("'\"", { quote: "'" })).toBe("'\\'\"'");
  });

  test("takes a character for printable as Go's Unicode 15.0 does, whatever the runtime knows", () => {
    const shown = [0x20, 0x7e, 0xa1, 0x3b1, 0x1f600, 0x2ebe0, 0x31350];
    // unassigned there: an ideograph of 15.1, a letter of 16.0; and separators, formats, surrogates, private use
    const hidden = [
      0x1f, 0x7f, 0xa0, 0xad, 0x2ebf0, 0x1c89, 0x2028, 0x200b, 0xd800, 0xe000, 0x10ffff, 0x3000,
    ];
    expect(shown.filter((code) => !isPrintable(code))).toEqual([]);
    expect(hidden.filter(isPrintable)).toEqual([]);
  });
});

test("canBackquote", () => {
  expect(["a", "\t", "é😀\u200b"].every(canBackquote)).toBe(true);
  expect(["`", "\n", "\x7f", "\ufeff"].some(canBackquote)).toBe(false);
});
