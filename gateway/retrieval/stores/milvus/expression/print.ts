import type { Expression } from "./ast.js";

/**
 * Writes an expression: what isn't an atom stands in parentheses, so that it means the same whatever binds tighter.
 * INVARIANT: texts are written with the escapes that every server knows (`\\`, `\"`, `\n`, `\r`, `\t`) and nothing else
 * ends them.
 */
export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case "number":
      return expression.text;
    case "string":
      return quote(expression.value);
    case "boolean":
      return String(expression.value);
    case "name":
      return expression.name;
    case "path":
      return `${expression.root}${expression.keys.map((key) => `[${typeof key === "number" ? String(key) : quote(key)}]`).join("")}`;
    case "template":
      return `{${expression.name}}`;
    case "list":
      return `[${expression.items.map(printExpression).join(", ")}]`;
    case "moment":
      return `${expression.word} ${quote(expression.value)}`;
    case "unary": {
      const { operator, of } = expression;
      if (operator === "exists") return `exists ${atom(of)}`;
      if (operator === "not") return `not (${printExpression(of)})`;
      return `${operator}${of.kind === "number" ? of.text : `(${printExpression(of)})`}`;
    }
    case "null":
      return `${atom(expression.of)} ${expression.is ? "is null" : "is not null"}`;
    case "binary":
      return `${atom(expression.left)} ${expression.operator} ${atom(expression.right)}`;
    case "range": {
      const { low, first, of, second, high } = expression;
      return `${atom(low)} ${first} ${atom(of)} ${second} ${atom(high)}`;
    }
    case "many":
      return expression.of.map((one) => `(${printExpression(one)})`).join(` ${expression.operator} `);
    case "call":
      return `${expression.name}(${expression.of.map(printExpression).join(", ")})`;
  }
}

function atom(expression: Expression): string {
  const text = printExpression(expression);
  switch (expression.kind) {
    case "unary":
      return expression.of.kind === "number" ? text : `(${text})`;
    case "null":
    case "binary":
    case "range":
    case "many":
      return `(${text})`;
    default:
      return text;
  }
}

const escapes: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  '"': '\\"',
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function quote(text: string): string {
  return `"${text.replace(/[\\"\n\r\t]/g, (one) => escapes[one] ?? "")}"`;
}

/** Tells whether a text can be written so that every server reads it: no other control characters, no half characters. */
export function isPrintable(text: string): boolean {
  return !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text) && !/[\ud800-\udfff]/u.test(text);
}
