/** `json.marshal_with_options`. Source: OPA, v1/topdown/encoding.go. */
import type { RegoValue } from "../../engine/value.js";
import { typeName } from "../../engine/value.js";
import { goJson } from "../../engine/go-json.js";
import { BuiltinLimit } from "../limit.js";
import { longestText, objectOperand, operandFault } from "./operands.js";
import { goQuote } from "../quote.js";
import { termText } from "../text.js";
import type { NodeBuiltin } from "./to-go.js";

/** Characters of the longest prefix or indent. */
const longestIndent = 1_000;

function option(key: string, value: RegoValue, place: number): string {
  if (typeof value !== "string") {
    const got = `operand ${place} must be string but got ${typeName(value)}`;
    throw operandFault(2, `key ${goQuote(key)} failed cast to string: ${got}`);
  }
  if (value.length > longestIndent) throw new BuiltinLimit("an indent that is too long");
  return value;
}

const marshalWithOptions: NodeBuiltin = (_context, value = null, options) => {
  let prefix = "";
  let indent = "\t";
  let pretty: boolean | undefined;
  let asked = false;
  for (const [place, [key, setting]] of objectOperand(options, 2).entries.entries()) {
    if (typeof key !== "string") {
      const got = `operand ${place} must be string but got ${typeName(key)}`;
      throw operandFault(2, `failed to stringify key ${termText(key)} at index ${place}: ${got}`);
    }
    switch (key) {
      case "prefix":
        prefix = option(key, setting, place);
        asked = true;
        break;
      case "indent":
        indent = option(key, setting, place);
        asked = true;
        break;
      case "pretty":
        if (typeof setting !== "boolean") throw operandFault(2, `key ${goQuote(key)} failed cast to bool`);
        pretty = setting;
        break;
      default:
        throw operandFault(2, `object contained unknown key ${goQuote(key)}`);
    }
  }
  const lines = { line: `\n${prefix}`, step: indent, spend: spending() };
  const text = (pretty ?? asked) ? prefix + goJson(value, lines) : goJson(value);
  if (text.length > longestText) throw tooLong();
  return text;
};

const tooLong = (): BuiltinLimit => new BuiltinLimit("a string that is too long");

function spending(): (characters: number) => void {
  let spent = 0;
  return (characters) => {
    spent += characters;
    if (spent > longestText) throw tooLong();
  };
}

export const marshal: readonly (readonly [string, NodeBuiltin])[] = [
  ["json.marshal_with_options", marshalWithOptions],
];
