import type { BinaryOperator, CallName, Expression } from "./ast.js";
import { both, calls, comparisonOperators } from "./ast.js";
import type { Token } from "./tokens.js";
import { tokenise } from "./tokens.js";

/** What an expression may be at most. */
const limits = { text: 65_536, depth: 32, nodes: 8_192 } as const;

/** From what binds loosest; `not` and comparisons stand above them. */
const arithmetic: readonly (readonly BinaryOperator[])[] = [
  ["|"],
  ["^"],
  ["&"],
  ["+", "-"],
  ["*", "/", "%"],
  ["**"],
];

/** Thrown within {@link parseExpression} only. */
class NotUnderstood extends Error {}

/** Reads a filter expression by the documented grammar; undefined where it is none, or larger than it may be. */
export function parseExpression(text: string): Expression | undefined {
  if (text.length > limits.text) return undefined;
  const tokens = tokenise(text);
  if (tokens === undefined) return undefined;
  const parser = new Parser(tokens);
  try {
    return parser.whole();
  } catch (error) {
    if (error instanceof NotUnderstood) return undefined;
    throw error;
  }
}

class Parser {
  private at = 0;
  private depth = 0;
  private nodes = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  whole(): Expression {
    const found = this.either();
    if (this.token().kind !== "end") throw new NotUnderstood();
    return found;
  }

  private either(): Expression {
    return this.joined("or", "||", () => this.joined("and", "&&", () => this.negation()));
  }

  private joined(operator: "and" | "or", sign: string, read: () => Expression): Expression {
    const of = [this.deeper(read)];
    while (this.take("word", operator) || this.take("sign", sign)) of.push(this.deeper(read));
    const [first] = of;
    return of.length === 1 && first !== undefined ? first : { kind: "many", operator, of };
  }

  private negation(): Expression {
    if (this.take("word", "not") || this.take("sign", "!"))
      return { kind: "unary", operator: "not", of: this.deeper(() => this.negation()) };
    return this.comparison();
  }

  private comparison(): Expression {
    const left = this.calculation(0);
    const operator = this.comparisonSign();
    if (operator !== undefined) {
      const right = this.calculation(0);
      const second = this.comparisonSign();
      if (second === undefined) return both(operator, left, right);
      // `1 < x <= 5`: both the same way, and a field between
      const way = /^([<>])=?$/.exec(operator)?.[1];
      if (way === undefined || !second.startsWith(way) || !isField(right)) throw new NotUnderstood();
      return { kind: "range", low: left, first: operator, of: right, second, high: this.calculation(0) };
    }
    if (this.take("word", "like")) return both("like", left, this.pattern());
    if (this.take("sign", "=~")) return both("=~", left, this.pattern());
    if (this.take("sign", "!~")) return both("!~", left, this.pattern());
    if (this.take("word", "in")) return both("in", left, this.values());
    if (this.take("word", "not")) {
      this.must("word", "in");
      return both("not in", left, this.values());
    }
    if (this.take("word", "is")) {
      const is = !this.take("word", "not");
      this.must("word", "null");
      if (!isField(left)) throw new NotUnderstood();
      return { kind: "null", of: left, is };
    }
    return left;
  }

  private comparisonSign(): (typeof comparisonOperators)[number] | undefined {
    return comparisonOperators.find((one) => this.take("sign", one));
  }

  private calculation(level: number): Expression {
    const operators = arithmetic[level];
    if (operators === undefined) return this.signed();
    let left = this.deeper(() => this.calculation(level + 1));
    for (;;) {
      const operator = operators.find((one) => this.take("sign", one));
      if (operator === undefined) return left;
      left = both(
        operator,
        left,
        this.deeper(() => this.calculation(level + 1)),
      );
    }
  }

  private signed(): Expression {
    const operator = (["-", "+"] as const).find((one) => this.take("sign", one));
    if (operator === undefined) return this.primary();
    const of = this.deeper(() => this.signed());
    return { kind: "unary", operator, of };
  }

  private primary(): Expression {
    this.count();
    const token = this.token();
    switch (token.kind) {
      case "number":
        this.at += 1;
        return { kind: "number", text: token.text };
      case "string":
        this.at += 1;
        return { kind: "string", value: token.value };
      case "word":
        return this.worded(token);
      case "sign":
        if (this.take("sign", "(")) {
          const inner = this.deeper(() => this.either());
          this.must("sign", ")");
          return inner;
        }
        if (token.text === "{") return this.template();
        if (token.text === "[") return this.list();
        throw new NotUnderstood();
      case "end":
        throw new NotUnderstood();
    }
  }

  private worded({ text, reserved }: Extract<Token, { kind: "word" }>): Expression {
    this.at += 1;
    if (!reserved) {
      const name = text.toLowerCase();
      if (this.peek("(")) return this.call(name, text);
      return this.field(text);
    }
    switch (text) {
      case "true":
      case "false":
        return { kind: "boolean", value: text === "true" };
      case "exists": {
        const of = this.deeper(() => this.primary());
        if (!isField(of)) throw new NotUnderstood();
        return { kind: "unary", operator: "exists", of };
      }
      case "iso":
      case "interval": {
        const token = this.token();
        if (token.kind !== "string") throw new NotUnderstood();
        this.at += 1;
        return { kind: "moment", word: text === "iso" ? "ISO" : "INTERVAL", value: token.value };
      }
      default:
        throw new NotUnderstood();
    }
  }

  private field(root: string): Expression {
    const keys: (string | number)[] = [];
    while (this.take("sign", "[")) {
      const token = this.token();
      if (token.kind === "string") keys.push(token.value);
      else if (token.kind === "number" && /^(?:0|[1-9]\d{0,8})$/.test(token.text))
        keys.push(Number(token.text));
      else throw new NotUnderstood();
      this.at += 1;
      this.must("sign", "]");
    }
    // all of `$meta` at once is no field
    if (keys.length === 0 && root === "$meta") throw new NotUnderstood();
    return keys.length === 0 ? { kind: "name", name: root } : { kind: "path", root, keys };
  }

  private call(name: string, written: string): Expression {
    const known = (Object.keys(calls) as CallName[]).find((one) => one === name);
    if (known === undefined || (written !== name && written !== name.toUpperCase()))
      throw new NotUnderstood();
    this.must("sign", "(");
    const of = [this.deeper(() => this.signed())];
    while (this.take("sign", ",")) of.push(this.deeper(() => this.signed()));
    this.must("sign", ")");
    const shape: readonly string[] = calls[known];
    const fits =
      of.length <= shape.length &&
      shape.every((one, i) => {
        const given = of[i];
        return given === undefined ? one.endsWith("?") : fitsShape(given, one.replace("?", ""));
      });
    if (!fits) throw new NotUnderstood();
    return { kind: "call", name: known, of };
  }

  private template(): Expression {
    this.must("sign", "{");
    const token = this.token();
    if (token.kind !== "word" || token.reserved || token.text === "$meta") throw new NotUnderstood();
    this.at += 1;
    this.must("sign", "}");
    return { kind: "template", name: token.text };
  }

  private list(): Expression {
    this.must("sign", "[");
    const items: Expression[] = [];
    while (!this.take("sign", "]")) {
      if (items.length > 0) {
        this.must("sign", ",");
        if (this.take("sign", "]")) break;
      }
      const item = this.deeper(() => this.signed());
      if (!isLiteral(item) && item.kind !== "list") throw new NotUnderstood();
      items.push(item);
    }
    return { kind: "list", items };
  }

  private values(): Expression {
    return this.peek("{") ? this.template() : this.list();
  }

  private pattern(): Expression {
    if (this.peek("{")) return this.template();
    const token = this.token();
    if (token.kind !== "string") throw new NotUnderstood();
    this.at += 1;
    return { kind: "string", value: token.value };
  }

  private deeper(read: () => Expression): Expression {
    // each level of the grammar counts: parentheses take about ten
    if (++this.depth > limits.depth * 12) throw new NotUnderstood();
    const found = read();
    this.depth -= 1;
    return found;
  }

  private count(): void {
    if (++this.nodes > limits.nodes) throw new NotUnderstood();
  }

  private token(): Token {
    return this.tokens[this.at] ?? { kind: "end" };
  }

  private peek(sign: string): boolean {
    const token = this.token();
    return token.kind === "sign" && token.text === sign;
  }

  private take(kind: "word" | "sign", text: string): boolean {
    const token = this.token();
    if (token.kind !== kind || token.text !== text || (token.kind === "word" && !token.reserved))
      return false;
    this.at += 1;
    return true;
  }

  private must(kind: "word" | "sign", text: string): void {
    if (!this.take(kind, text)) throw new NotUnderstood();
  }
}

function isField({ kind }: Expression): boolean {
  return kind === "name" || kind === "path";
}

function isLiteral(one: Expression): boolean {
  if (one.kind === "unary")
    return one.operator !== "not" && one.operator !== "exists" && one.of.kind === "number";
  return one.kind === "number" || one.kind === "string" || one.kind === "boolean";
}

function fitsShape(given: Expression, shape: string): boolean {
  switch (shape) {
    case "field":
      return isField(given);
    case "values":
      return given.kind === "list" || given.kind === "template";
    case "number":
      return given.kind === "number" || given.kind === "template";
    default:
      return isLiteral(given) || given.kind === "list" || given.kind === "template";
  }
}
