import { describe, expect, test } from "@jest/globals";
import { pathsOf } from "../../../../../gateway/retrieval/stores/milvus/expression/ast.js";
import { parseExpression } from "../../../../../gateway/retrieval/stores/milvus/expression/parse.js";
import { printExpression } from "../../../../../gateway/retrieval/stores/milvus/expression/print.js";

const printed = (text: string): string | undefined => {
  const read = parseExpression(text);
  return read === undefined ? undefined : printExpression(read);
};

describe("an expression is read by the grammar and written so that it stays one thing", () => {
  test.each<[string, string]>([
    [`a == 1`, `a == 1`],
    [`a == 1 or b == 2 and c == 3`, `(a == 1) or ((b == 2) and (c == 3))`],
    [`a == 1 || b == 2 && !(c == 3)`, `(a == 1) or ((b == 2) and (not (c == 3)))`],
    [`NOT a == 1 AND b in [1, -2,]`, `(not (a == 1)) and (b in [1, -2])`],
    [`a not in ["x", 'y']`, `a not in ["x", "y"]`],
    [`a == "q\\"\\\\\\'" or true`, `(a == "q\\"\\\\'") or (true)`],
    [`a == 'it"s'`, `a == "it\\"s"`],
    [`a like "x\\%_%"`, `a like "x\\\\%_%"`],
    [`a =~ r"^x\\d$"`, `a =~ "^x\\\\d$"`],
    [`a == "\\u00e9"`, `a == "é"`],
    [`1 < a <= 5`, `1 < a <= 5`],
    [`meta["a"]['b'][0] != null_`, `meta["a"]["b"][0] != null_`],
    [`$meta["x"] == True`, `$meta["x"] == true`],
    [`exists meta["a"] and meta is not null`, `(exists meta["a"]) and (meta is not null)`],
    [`a + 2 * b ** 2 % 3 == -4.5e-3`, `(a + ((2 * (b ** 2)) % 3)) == -4.5e-3`],
    [`(flags & 4) == 4`, `(flags & 4) == 4`],
    [`JSON_CONTAINS_ANY(meta["t"], ["p", {x}])`, ``],
    [`json_contains_any(meta["t"], {x})`, `json_contains_any(meta["t"], {x})`],
    [`array_length(tags) >= 2`, `array_length(tags) >= 2`],
    [`text_match(body, "a b")`, `text_match(body, "a b")`],
    [`t > ISO "2026-01-01T00:00:00Z" + INTERVAL "P1D"`, `t > (ISO "2026-01-01T00:00:00Z" + INTERVAL "P1D")`],
    [`a == {v} and b in {w}`, `(a == {v}) and (b in {w})`],
    [`((((a == 1))))`, `a == 1`],
    [`android == 1 or inn == 2`, `(android == 1) or (inn == 2)`],
  ])("%s", (text, wanted) => {
    expect(printed(text)).toBe(wanted === "" ? undefined : wanted);
    // what is written means the same when it is read again
    if (wanted !== "") expect(printed(wanted)).toBe(wanted);
  });

  test.each<[string, string]>([
    ["a comment", `a == 1 /* or true */`],
    ["a comment to the end", `a == 1 // or true`],
    ["a comment of SQL", `a == "x" -- "`],
    ["a statement behind", `a == 1; b == 2`],
    ["a text without an end", `a == "x`],
    ["a text that ends early", `a == "x" or true"`],
    ["a text over two lines", `a == "x\ny"`],
    ["an escape that servers read differently", `a == "\\x41"`],
    ["an octal escape", `a == "\\101"`],
    ["a prefix of C's", `a == u8"x"`],
    ["an octal number", `a == 010`],
    ["a number with letters", `a == 1abc`],
    ["mixed letters", `a == 1 Or b == 2`],
    ["an unknown function", `sleep(5) == 1`],
    ["a sample", `random_sample(0.5)`],
    ["structures", `element_filter(s, $[x] == 1)`],
    ["an element of itself", `$ == 1`],
    ["all of the dynamic field", `$meta == 1`],
    ["three ways", `1 < a > 0`],
    ["two equal signs in a row", `a == b == c`],
    ["one equal sign", `a = 1`],
    ["in of a field", `1 in a`],
    ["a list in a list of fields", `a in [b]`],
    ["a closing parenthesis too many", `a == 1) or (true`],
    ["a closing parenthesis too few", `(a == 1`],
    ["nothing", ``],
    ["a control character", `a == "x\u0000y"`],
    ["half a character", `a == "\ud800"`],
    ["a letter that looks like another", `а == 1`],
    ["a space that isn't one", `a\u00a0== 1`],
    ["too deep", `${"(".repeat(64)}a == 1${")".repeat(64)}`],
    ...["exists ", "not ", "-", "!", "(", "[", "{", "a[", "a ** ", "a and "].map((one): [string, string] => [
      `${one.trim()} without end`,
      one.repeat(9_000),
    ]),
    ["too long", `a == "${"x".repeat(70_000)}"`],
    ["shifts", `a << 1 == 2`],
    ["is null of a value", `1 is null`],
  ])("%s is refused", (_name, text) => {
    expect(parseExpression(text)).toBeUndefined();
  });

  test("says which paths are read, also of the dynamic field", () => {
    const read = parseExpression(
      `a == 1 or meta["b"]["c"] == 2 or $meta["d"] in [1] or json_contains(e, 1) or f is null or 1 < g < 2 or exists h or i like "x"`,
    );
    expect(read === undefined ? [] : pathsOf(read)).toEqual(["a", "meta.b.c", "d", "e", "f", "g", "h", "i"]);
  });
});
