/** `sprintf`: Go's `fmt.Sprintf` with the arguments that OPA gives it. Source: Go, fmt/print.go. */
import type { RegoValue } from "../../engine/value.js";
import { BuiltinLimit } from "../limit.js";
import { arrayOperand, int64Of, longestName, longestText, numberText, stringOperand } from "./operands.js";
import type { Argument } from "./sprintf-argument.js";
import { noFlags, printArgument } from "./sprintf-argument.js";
import { termText } from "../text.js";
import type { NodeBuiltin } from "./to-go.js";
import { toGo } from "./to-go.js";

export const sprintf: NodeBuiltin = (_context, format, list) => {
  const text = stringOperand(format, 1, longestName);
  const args = arrayOperand(list, 2).map(argumentOf);
  return new Printer(text, args).print();
};

function argumentOf(value: RegoValue): Argument {
  const text = numberText(value);
  if (text === undefined)
    return { type: "string", value: typeof value === "string" ? value : termText(value) };
  if (/[.eE]/.test(text)) {
    const float = Number(text);
    return Number.isFinite(float) ? { type: "float64", value: float } : { type: "string", value: text };
  }
  const small = int64Of(text);
  if (text.length > mostDigits) throw new BuiltinLimit("an integer that is too large");
  return small === undefined ? { type: "*big.Int", value: BigInt(text) } : { type: "int64", value: small };
}

/** Digits of the largest integer. */
const mostDigits = 10_000;
/** Go's limit of widths and precisions. */
const widest = 1_000_000;
const digitsHere = /\d+/y;

class Printer {
  private out = "";
  private at = 0;
  private next = 0;
  private reordered = false;
  private goodNumber = true;
  private flags = noFlags();
  /** The last thing read was an index such as `[3]`. */
  private afterIndex = false;
  private passOn = false;
  private readonly lastBracket: number;

  constructor(
    private readonly format: string,
    private readonly args: readonly Argument[],
  ) {
    this.lastBracket = format.lastIndexOf("]");
  }

  print(): string | typeof toGo {
    const { format } = this;
    while (this.at < format.length && !this.passOn) {
      this.goodNumber = true;
      const percent = format.indexOf("%", this.at);
      const end = percent < 0 ? format.length : percent;
      this.write(format.slice(this.at, end));
      this.at = end + 1;
      if (percent >= 0) this.directive();
    }
    if (!this.reordered && this.next < this.args.length) this.extra();
    return this.passOn ? toGo : this.out;
  }

  private write(text: string | typeof toGo): void {
    if (text === toGo) {
      this.passOn = true;
      return;
    }
    this.out += text;
    if (this.out.length > longestText) throw new BuiltinLimit("a string that is too long");
  }

  private directive(): void {
    this.flags = noFlags();
    const { format } = this;
    this.readFlags();
    const sign = format[this.at] ?? "";
    if (sign >= "a" && sign <= "z" && this.next < this.args.length) {
      this.at++;
      this.printNext(sign);
      return;
    }
    this.readIndex();
    this.readWidth();
    if (this.at + 1 < format.length && format[this.at] === ".") this.readPrecision();
    if (!this.afterIndex) this.readIndex();
    if (this.at >= format.length) {
      this.write("%!(NOVERB)");
      return;
    }
    const verb = String.fromCodePoint(format.codePointAt(this.at) ?? 0);
    this.at += verb.length;
    if (verb === "%") this.write("%");
    else if (!this.goodNumber) this.write(`%!${verb}(BADINDEX)`);
    else if (this.next >= this.args.length) this.write(`%!${verb}(MISSING)`);
    else this.printNext(verb);
  }

  private printNext(verb: string): void {
    const { flags } = this;
    if (verb === "v" || verb === "w") {
      [flags.sharpV, flags.sharp] = [flags.sharp, false];
      [flags.plusV, flags.plus] = [flags.plus, false];
    }
    const argument = this.args[this.next++];
    if (argument !== undefined) this.write(printArgument(flags, argument, verb));
  }

  private readFlags(): void {
    const names: Readonly<Record<string, "sharp" | "zero" | "plus" | "minus" | "space">> = {
      "#": "sharp",
      "0": "zero",
      "+": "plus",
      "-": "minus",
      " ": "space",
    };
    for (; this.at < this.format.length; this.at++) {
      const flag = names[this.format[this.at] ?? ""];
      if (flag === undefined) return;
      this.flags[flag] = true;
    }
  }

  private readIndex(): void {
    this.afterIndex = false;
    if (this.format[this.at] !== "[") return;
    this.reordered = true;
    // not looked for in vain again and again
    const close = this.lastBracket > this.at ? this.format.indexOf("]", this.at + 1) : -1;
    // Go looks for the bracket only where a number fits before it
    if (close < 0 || this.at + 2 === this.format.length) {
      this.goodNumber = false;
      this.at++;
      return;
    }
    const inside = this.format.slice(this.at + 1, close);
    this.at = close + 1;
    const index = /^\d+$/.test(inside) ? smallNumber(inside) : undefined;
    // the number is one too large for an index; 0 isn't one
    this.afterIndex = index !== undefined;
    if (index !== undefined && index >= 1 && index <= this.args.length) this.next = index - 1;
    else this.goodNumber = false;
  }

  private readWidth(): void {
    const { flags } = this;
    if (this.format[this.at] === "*") {
      this.at++;
      const width = this.integerArgument();
      if (width === undefined) this.write("%!(BADWIDTH)");
      else if (width < 0) {
        flags.width = -width;
        flags.minus = true;
        flags.zero = false;
      } else flags.width = width;
      this.afterIndex = false;
      return;
    }
    flags.width = this.readNumber();
    if (this.afterIndex && flags.width !== undefined) this.goodNumber = false;
  }

  private readPrecision(): void {
    const { flags } = this;
    this.at++;
    if (this.afterIndex) this.goodNumber = false;
    this.readIndex();
    if (this.format[this.at] === "*") {
      this.at++;
      const precision = this.integerArgument();
      if (precision !== undefined && precision >= 0) flags.precision = precision;
      else this.write("%!(BADPREC)");
      this.afterIndex = false;
    } else flags.precision = this.readNumber() ?? 0;
  }

  /** Go gives up the rest of the format where a number is too large. */
  private readNumber(): number | undefined {
    digitsHere.lastIndex = this.at;
    const digits = digitsHere.exec(this.format)?.[0];
    if (digits === undefined) return undefined;
    const value = smallNumber(digits);
    this.at = value === undefined ? this.format.length : this.at + digits.length;
    return value;
  }

  private integerArgument(): number | undefined {
    const argument = this.args[this.next];
    if (argument === undefined) return undefined;
    this.next++;
    if (argument.type !== "int64") return undefined;
    const value = Number(argument.value);
    return Math.abs(value) > widest ? undefined : value;
  }

  private extra(): void {
    this.flags = noFlags();
    this.write("%!(EXTRA ");
    for (let i = this.next; i < this.args.length; i++) {
      const argument = this.args[i];
      if (argument === undefined) break;
      this.write(`${i > this.next ? ", " : ""}${argument.type}=`);
      this.write(printArgument(this.flags, argument, "v"));
    }
    this.write(")");
  }
}

/** Undefined where Go finds a number too large: checked before each digit is added. */
function smallNumber(digits: string): number | undefined {
  let value = 0;
  for (const digit of digits) {
    if (value > widest) return undefined;
    value = value * 10 + Number(digit);
  }
  return value;
}
